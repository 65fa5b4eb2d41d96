# What the modules of tracker and scanner make of their options, with a stand-in for NixOS: `nix-instantiate --eval --strict --json`.
# Types are checked by functions that know as much of lib.types as the modules use.
{
  module,
  options ? { },
}:

let
  isList = check: value: builtins.isList value && builtins.all check value;
  lib = {
    toUpper =
      text:
      builtins.replaceStrings (split "abcdefghijklmnopqrstuvwxyz") (split "ABCDEFGHIJKLMNOPQRSTUVWXYZ") text;
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    escapeShellArgs = list: builtins.concatStringsSep " " (map (text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'") list);
    mkOption = option: option // { _isOption = true; };
    mkEnableOption = text: {
      _isOption = true;
      default = false;
      description = "Whether to enable ${text}.";
      type = lib.types.bool;
    };
    mkIf = condition: content: {
      _isIf = true;
      inherit condition content;
    };
    types = {
      package = type "package" (value: value ? outPath);
      str = type "string" builtins.isString;
      bool = type "boolean" builtins.isBool;
      path = type "path" (value: builtins.isPath value || builtins.isString value || value ? outPath);
      port = type "port" (value: builtins.isInt value && value >= 0 && value <= 65535);
      anything = type "anything" (_: true);
      nullOr = other: type "null or ${other.name}" (value: value == null || other.check value);
      listOf = other: type "list of ${other.name}" (isList other.check);
      attrsOf = other: type "attributes of ${other.name}" (value: builtins.isAttrs value && builtins.all other.check (builtins.attrValues value));
      enum = words: type "one of ${builtins.toJSON words}" (value: builtins.elem value words);
    };
  };
  type = name: check: { inherit name check; };
  split = text: builtins.genList (n: builtins.substring n 1 text) (builtins.stringLength text);

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
          if option.type.check value then value else throw "${here} is no ${option.type.name}"
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

  # Every option with its type, default and description: the table of the handbook.
  document =
    path: declared:
    builtins.concatMap (
      name:
      let
        option = declared.${name};
        here = "${path}${name}";
      in
      if option._isOption or false then
        [
          {
            name = here;
            type = option.type.name;
            default = option.defaultText or (builtins.toJSON option.default);
            inherit (option) description;
          }
        ]
      else
        document "${here}." option
    ) (builtins.attrNames declared);

  made = import module {
    inherit lib;
    config = {
      nix.package = "/nix/store/nix";
    }
    // builtins.mapAttrs (name: declared: settle name declared (options.${name} or { })) made.options;
    pkgs = {
      firn-tracker.outPath = "/nix/store/firn-tracker";
      firn-scan.outPath = "/nix/store/firn-scan";
      # As JSON: what is rendered is looked at as a value.
      formats.toml = _: { generate = _name: value: builtins.toJSON value; };
    };
  };
  config = resolve made.config;
in
{
  options = document "" made.options;
  config = if config == null then { } else config;
}
