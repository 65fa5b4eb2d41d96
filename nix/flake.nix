# Firn for Nix: packages, an overlay, and NixOS modules. It lies in nix/, so its address is `github:firn-nix/firn?dir=nix`.
{
  description = "Supply-chain security for Nixpkgs and NixOS";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      packages = pkgs: import ./packages.nix { inherit pkgs; };
    in
    {
      packages = nixpkgs.lib.genAttrs systems (system: packages nixpkgs.legacyPackages.${system});
      # The modules of the tracker and the scanner take their packages from here unless their option `package` names another.
      overlays.default = _final: prev: packages prev;
      nixosModules = {
        firn-tracker = ./modules/firn-tracker.nix;
        firn-scan = ./modules/firn-scan.nix;
        firn-boot = ./modules/firn-boot.nix;
      };
    };
}
