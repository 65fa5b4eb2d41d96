# NixOS generations on the EFI system partition, signed, as a transaction. The handbook (docs/src/boot/nixos.md) leads from
# nothing to Secure Boot; every option here stands for one of `firn-boot install`.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    concatMap
    escapeShellArgs
    mkEnableOption
    mkIf
    mkOption
    optional
    optionals
    types
    ;

  cfg = config.boot.loader.firn;

  partitions =
    concatMap (esp: [
      "--esp"
      esp
    ]) cfg.espMounts
    ++ optionals (cfg.xbootldrMount != null) [
      "--xbootldr"
      cfg.xbootldrMount
    ];

  key =
    if cfg.signer.certificate == null then
      [
        "--keys"
        cfg.keys
      ]
      ++ optionals (cfg.passphraseFile != null) [
        "--passphrase-file"
        cfg.passphraseFile
      ]
    else
      [
        "--certificate"
        cfg.signer.certificate
      ]
      ++ (
        if cfg.signer.pkcs11 != null then
          [
            "--pkcs11"
            cfg.signer.pkcs11
          ]
        else
          optionals (cfg.signer.command != null) [
            "--signer-command"
            cfg.signer.command
          ]
      );

  # What install, check and repair share, so that they speak of the same files.
  arguments =
    partitions
    ++ key
    ++ [
      "--systemd-boot"
      "${config.systemd.package}/lib/systemd/boot/efi/systemd-bootx64.efi"
      "--timeout"
      (toString cfg.timeout)
    ]
    ++ optionals (cfg.limit != null) [
      "--limit"
      (toString cfg.limit)
    ]
    ++ concatMap (pin: [
      "--pin"
      (toString pin)
    ]) cfg.pinned
    ++ optionals (cfg.tries != null) [
      "--tries"
      (toString cfg.tries)
    ]
    ++ optionals (cfg.measure != null) [
      "--measure"
      cfg.measure
    ]
    ++ optional cfg.fat "--fat"
    ++ optional cfg.editor "--editor"
    ++ optional cfg.takeOver "--take-over"
    ++ concatMap (line: [
      "--loader-line"
      line
    ]) (cfg.loaderLines ++ optional cfg.autoEnroll.enable "secure-boot-enroll ${cfg.autoEnroll.mode}")
    ++ concatMap (name: [
      "--program"
      "${name}=${cfg.programs.${name}}"
    ]) (builtins.attrNames cfg.programs);

  program = "${cfg.package}/bin/firn-boot";

  # Without keys nothing can be signed: the first run makes them, readable by root alone; nixos-install too.
  create = escapeShellArgs (
    [
      program
      "keys"
      "create"
      "--dir"
      cfg.keys
    ]
    ++ optionals (cfg.passphraseFile != null) [
      "--passphrase-file"
      cfg.passphraseFile
    ]
  );

  # The hook gets the path of the system that is to be booted.
  hook = pkgs.writeShellScript "firn-boot-install" ''
    set -e
    ${if cfg.signer.certificate == null then "test -e ${escapeShellArgs [ "${cfg.keys}/db.key" ]} || ${create} < /dev/null" else ""}
    exec ${program} install ${escapeShellArgs arguments} --system "$1"
  '';
in
{
  options.boot.loader.firn = {
    enable = mkEnableOption "firn-boot, which signs NixOS generations and puts them on the EFI system partition";

    package = mkOption {
      type = types.package;
      description = "The package with firn-boot.";
    };

    keys = mkOption {
      type = types.str;
      default = "/etc/firn/keys";
      description = "Folder of keys on the machine, never in the store: whoever reads the store could sign.";
    };

    passphraseFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "File with the passphrase of the keys.";
    };

    signer = {
      certificate = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Certificate of a key that is not in the folder of keys.";
      };
      pkcs11 = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Address of that key in a security module.";
      };
      command = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Command that gets the bytes to sign and prints the raw signature.";
      };
    };

    espMounts = mkOption {
      type = types.listOf types.str;
      default = [ config.boot.loader.efi.efiSysMountPoint ];
      description = "Where EFI system partitions are mounted. Each gets the same, so that the machine boots when a disk dies.";
    };

    xbootldrMount = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Where an extended boot partition is mounted, for machines whose EFI system partition is small.";
    };

    limit = mkOption {
      type = types.nullOr types.ints.positive;
      default = null;
      description = "How many generations at most; the booted one and the last good one stay beyond it.";
    };

    pinned = mkOption {
      type = types.listOf types.ints.positive;
      default = [ ];
      description = "Generations that stay whatever the limit.";
    };

    tries = mkOption {
      type = types.nullOr (types.ints.between 1 99);
      default = null;
      description = "How often a new generation is tried before the one before it is booted; null does not count.";
    };

    fat = mkOption {
      type = types.bool;
      default = false;
      description = "Kernels and initrds inside of the images rather than shared beside them.";
    };

    measure = mkOption {
      type = types.nullOr (
        types.enum [
          "required"
          "strict"
          "lenient"
        ]
      );
      default = null;
      description = "When a boot goes on although something was not measured.";
    };

    timeout = mkOption {
      type = types.ints.unsigned;
      default = 5;
      description = "Seconds that the menu is shown.";
    };

    editor = mkOption {
      type = types.bool;
      default = false;
      description = "Let command lines be edited in the menu, where Secure Boot is off.";
    };

    loaderLines = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "console-mode max" ];
      description = "More lines for loader.conf.";
    };

    programs = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = lib.literalExpression ''{ memtest = "''${pkgs.memtest86plus}/memtest.efi"; }'';
      description = "Other EFI programs in the menu; they get a signature.";
    };

    takeOver = mkOption {
      type = types.bool;
      default = false;
      description = "Remove what systemd-boot's builder or lanzaboote left, once what replaces it is there.";
    };

    autoEnroll = {
      enable = mkEnableOption "enrolment of the keys by systemd-boot, once the firmware is in setup mode";
      mode = mkOption {
        type = types.enum [
          "manual"
          "if-safe"
          "force"
        ];
        default = "if-safe";
        description = "`if-safe` enrols without being asked in virtual machines alone, `force` everywhere: keys of vendors that are missing can leave a machine without picture.";
      };
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.espMounts != [ ];
        message = "boot.loader.firn.espMounts names no partition";
      }
      {
        assertion = cfg.signer.certificate == null || (cfg.signer.pkcs11 == null) != (cfg.signer.command == null);
        message = "boot.loader.firn.signer needs one of pkcs11 and command beside its certificate";
      }
      {
        assertion = !(config.boot.loader.systemd-boot.enable || config.boot.loader.grub.enable);
        message = "boot.loader.firn brings systemd-boot itself: turn boot.loader.systemd-boot and boot.loader.grub off";
      }
    ];

    boot.loader.external = {
      enable = true;
      installHook = hook;
    };
    boot.loader.supportsInitrdSecrets = true;

    environment.systemPackages = [ cfg.package ];

    systemd.services = {
      # systemd-boot enrols what lies in loader/keys/auto of the partition that it was started from.
      firn-boot-enroll = mkIf cfg.autoEnroll.enable {
        description = "Lay Secure Boot keys out for systemd-boot";
        wantedBy = [ "multi-user.target" ];
        unitConfig.ConditionPathExists = [
          "${cfg.keys}/db.key"
          "!${builtins.head cfg.espMounts}/loader/keys/auto/PK.auth"
        ];
        serviceConfig = {
          Type = "oneshot";
          ExecStart = map (
            esp:
            escapeShellArgs [
              program
              "keys"
              "export"
              "--dir"
              cfg.keys
              "--out"
              "${esp}/loader/keys/auto"
            ]
          ) cfg.espMounts;
        };
      };

      # A boot that got this far is good: its entry is not counted any more.
      firn-boot-bless = mkIf (cfg.tries != null) {
        description = "Keep the generation that was booted";
        wantedBy = [ "boot-complete.target" ];
        requires = [ "boot-complete.target" ];
        after = [
          "boot-complete.target"
          "local-fs.target"
        ];
        serviceConfig = {
          Type = "oneshot";
          ExecStart = escapeShellArgs (
            [
              program
              "bless"
            ]
            ++ partitions
          );
          # Nothing to do is no failure.
          SuccessExitStatus = 4;
        };
      };

      firn-boot-check = {
        description = "Check what lies on the EFI system partition";
        serviceConfig = {
          Type = "oneshot";
          ExecStart = escapeShellArgs (
            [
              program
              "check"
            ]
            ++ arguments
          );
        };
        startAt = "weekly";
      };
    };

    systemd.targets.boot-complete = mkIf (cfg.tries != null) { wantedBy = [ "multi-user.target" ]; };
  };
}
