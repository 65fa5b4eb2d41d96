# The vulnerability tracker as a service. The handbook (docs/src/tracker/nixos.md) lists the options; the hardening is that of the unit in
# crates/tracker/systemd, which a test compares.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  confined = import ./confined.nix;
  inherit (lib)
    mkEnableOption
    mkIf
    mkOption
    optional
    optionals
    types
    ;

  cfg = config.services.firn-tracker;

  settings =
    cfg.settings
    // {
      database =
        (if cfg.database.type == "postgresql" then { url = "postgres:///${cfg.database.name}?host=/run/postgresql"; } else { })
        // (cfg.settings.database or { });
      server = {
        listen = "${cfg.address}:${toString cfg.port}";
      }
      // (cfg.settings.server or { });
    };

  file = (pkgs.formats.toml { }).generate "tracker.toml" settings;

  isPostgres = cfg.database.type == "postgresql";
in
{
  options.services.firn-tracker = {
    enable = mkEnableOption "the vulnerability tracker";

    package = mkOption {
      type = types.package;
      default = pkgs.firn-tracker;
      defaultText = "pkgs.firn-tracker";
      description = "The package with bin/firn-tracker.";
    };

    address = mkOption {
      type = types.str;
      default = "127.0.0.1";
      description = "The address to listen on; an IPv6 address stands in brackets.";
    };

    port = mkOption {
      type = types.port;
      default = 8080;
      description = "The port to listen on.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether others may connect to the port. A proxy that speaks TLS is the better way.";
    };

    database = {
      type = mkOption {
        type = types.enum [
          "sqlite"
          "postgresql"
        ];
        default = "sqlite";
        description = "A file in the service's own folder, or a database on this machine's PostgreSQL, reached through its socket.";
      };

      name = mkOption {
        type = types.str;
        default = "firn-tracker";
        description = "The name of the database on PostgreSQL, and of the user that owns it.";
      };

      createLocally = mkOption {
        type = types.bool;
        default = true;
        description = "Whether PostgreSQL is enabled here, with the database and its user.";
      };
    };

    settings = mkOption {
      type = types.attrsOf types.anything;
      default = { };
      description = "The configuration file, section by section, as the page about the configuration has it. What other options say is filled in; what stands here goes before.";
    };

    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      description = "Files with secrets, by the key that they are for with dots and underlines as they are, as `feeds.nvd_key`. The service reads them through systemd's credentials; they never enter the store.";
    };

    memoryMax = mkOption {
      type = types.str;
      default = "3G";
      description = "The most memory that the service may take.";
    };

    memoryHigh = mkOption {
      type = types.str;
      default = "2G";
      description = "Above so much memory the service is slowed down and made to give some back.";
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = !(isPostgres && cfg.settings ? database && cfg.settings.database ? url);
        message = "services.firn-tracker: settings.database.url and database.type = \"postgresql\" name two databases; for one on another machine leave database.type alone.";
      }
    ];

    services.postgresql = mkIf (isPostgres && cfg.database.createLocally) {
      enable = true;
      ensureDatabases = [ cfg.database.name ];
      ensureUsers = [
        {
          name = cfg.database.name;
          ensureDBOwnership = true;
        }
      ];
    };

    networking.firewall.allowedTCPPorts = optionals cfg.openFirewall [ cfg.port ];

    systemd.services.firn-tracker = {
      description = "Firn vulnerability tracker";
      documentation = [ "https://github.com/firn-nix/firn" ];
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      requires = optional (isPostgres && cfg.database.createLocally) "postgresql.service";
      # The target, where NixOS has one, comes after the unit that makes users and databases.
      after = [
        "network-online.target"
      ]
      ++ optionals isPostgres [
        "postgresql.service"
        "postgresql.target"
      ];
      environment = {
        FIRN_CONFIG = "${file}";
        XDG_DATA_HOME = "%S/firn-tracker";
        XDG_CACHE_HOME = "%C/firn-tracker";
      }
      // builtins.listToAttrs (
        map (key: {
          name = "FIRN_${lib.toUpper (builtins.replaceStrings [ "." ] [ "_" ] key)}_FILE";
          value = "%d/${key}";
        }) (builtins.attrNames cfg.credentials)
      );
      serviceConfig = confined // {
        Type = "exec";
        ExecStart = "${cfg.package}/bin/firn-tracker serve";
        LoadCredential = map (key: "${key}:${cfg.credentials.${key}}") (builtins.attrNames cfg.credentials);
        StateDirectory = "firn-tracker";
        StateDirectoryMode = "0700";
        CacheDirectory = "firn-tracker";
        CacheDirectoryMode = "0700";
        Restart = "on-failure";
        RestartSec = "10s";
        TimeoutStopSec = "60s";
        MemoryHigh = cfg.memoryHigh;
        MemoryMax = cfg.memoryMax;
        DevicePolicy = "closed";
        RestrictAddressFamilies = "AF_INET AF_INET6 AF_UNIX";
        UMask = "0077";
        SystemCallFilter = [
          "@system-service"
          "~@privileged @resources"
          # Jobs run behind pages.
          "setpriority"
        ];
      }
      // (if isPostgres then { User = cfg.database.name; } else { });
    };
  };
}
