# The programs that NixOS modules start, each a package of its own from one source tree. Rust 1.95 or newer is needed.
{ pkgs }:

let
  inherit (pkgs) lib rustPlatform;

  root = ../.;

  # What programs are made of; the rest of the tree may change without a new build.
  source = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../crates
      ../bootstrap
    ];
  };

  program =
    {
      name,
      crate,
      about,
    }:
    rustPlatform.buildRustPackage {
      pname = name;
      inherit ((builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package) version;
      src = source;
      cargoLock.lockFile = ../Cargo.lock;
      cargoBuildFlags = [
        "--package"
        crate
      ];
      # The project's own tests want databases, browsers and firmware: `cargo xtask test` runs them.
      doCheck = false;
      meta = {
        description = about;
        homepage = "https://github.com/firn-nix/firn";
        license = [
          lib.licenses.mit
          lib.licenses.asl20
        ];
        mainProgram = name;
        platforms = lib.platforms.linux;
      };
    };
in
{
  firn-tracker = program {
    name = "firn-tracker";
    crate = "tracker";
    about = "Vulnerability tracker for Nixpkgs";
  };
  firn-scan = program {
    name = "firn-scan";
    crate = "scan";
    about = "Finds what is vulnerable in a Nix closure";
  };
}
