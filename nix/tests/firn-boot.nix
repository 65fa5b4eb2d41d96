# What the module makes of its options, with a stand-in for NixOS: `nix-instantiate --eval --strict --json`.
# Types are checked by functions that know as much of lib.types as the module uses.
{
  options ? { },
  elsewhere ? { },
}:

let
  isList = check: value: builtins.isList value && builtins.all check value;
  lib = {
    inherit (builtins) concatMap;
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    escapeShellArgs = list: builtins.concatStringsSep " " (map (text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'") list);
    literalExpression = text: text;
    mkOption = option: option // { _isOption = true; };
    mkEnableOption = text: {
      _isOption = true;
      default = false;
      description = text;
      type = builtins.isBool;
    };
    mkIf = condition: content: {
      _isIf = true;
      inherit condition content;
    };
    types = {
      package = value: value ? outPath;
      str = builtins.isString;
      bool = builtins.isBool;
      nullOr = check: value: value == null || check value;
      listOf = isList;
      attrsOf = check: value: builtins.isAttrs value && builtins.all check (builtins.attrValues value);
      enum = words: value: builtins.elem value words;
      ints = {
        positive = value: builtins.isInt value && value > 0;
        unsigned = value: builtins.isInt value && value >= 0;
        between = low: high: value: builtins.isInt value && value >= low && value <= high;
      };
    };
  };

  # Options as they are declared, with what was set; a value of another type, or for no option, ends the evaluation.
  settle =
    path: declared: set:
    let
      unknown = builtins.filter (name: !(declared ? ${name})) (builtins.attrNames set);
    in
    if unknown != [ ] then
      throw "there is no option ${path}.${builtins.head unknown}"
    else
      builtins.mapAttrs (
        name: option:
        let
          here = "${path}.${name}";
          value = set.${name} or option.default or (throw "${here} has no value");
        in
        if option._isOption or false then
          if option ? description then
            if option.type value then value else throw "${here} has a value of another type"
          else
            throw "${here} has no description"
        else
          settle here option (set.${name} or { })
      ) declared;

  # Conditions carried out, at any depth.
  resolve =
    value:
    if value._isIf or false then
      if value.condition then resolve value.content else null
    else if builtins.isAttrs value && !(value ? outPath) then
      builtins.listToAttrs (
        builtins.filter (pair: pair.value != null) (
          map (name: {
            inherit name;
            value = resolve value.${name};
          }) (builtins.attrNames value)
        )
      )
    else
      value;

  config = {
    boot.loader = {
      efi.efiSysMountPoint = "/boot";
      systemd-boot.enable = false;
      grub.enable = false;
      firn = settle "boot.loader.firn" module.options.boot.loader.firn (
        { package = { outPath = "/nix/store/firn"; }; } // options
      );
    } // elsewhere;
    systemd.package = "/nix/store/systemd";
  };

  module = import ../modules/firn-boot.nix {
    inherit config lib;
    pkgs.writeShellScript = name: text: text;
  };

  made = resolve module.config;
in
if made == null then
  { enabled = false; }
else
  {
    enabled = true;
    hook = made.boot.loader.external.installHook;
    external = made.boot.loader.external.enable;
    secrets = made.boot.loader.supportsInitrdSecrets;
    failed = map (a: a.message) (builtins.filter (a: !a.assertion) made.assertions);
    services = made.systemd.services;
    targets = made.systemd.targets or { };
  }
