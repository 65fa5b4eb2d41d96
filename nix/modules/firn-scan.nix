# The scanner: the program for everybody, and a watch over the running system with a snapshot that is kept current. The handbook
# (docs/src/scan/nixos.md) lists the options; the hardening is that of the units in crates/scan/systemd, which a test compares.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  confined = import ./confined.nix;
  inherit (lib)
    escapeShellArgs
    mkEnableOption
    mkIf
    mkOption
    optionals
    types
    ;

  program = config.programs.firn-scan;
  watch = config.services.firn-scan.watch;

  snapshot = "/var/lib/firn/firn.snapshot";

  trust = builtins.concatMap (key: [
    "--trust"
    "${key}"
  ]) program.trustedKeys;

  arguments =
    trust
    ++ optionals (watch.decisions != null) [
      "--decisions"
      "${watch.decisions}"
    ]
    ++ optionals (watch.failOn != null) [
      "--fail-on"
      watch.failOn
    ];
in
{
  options.programs.firn-scan = {
    enable = mkEnableOption "the scanner for everybody on this machine";

    package = mkOption {
      type = types.package;
      default = pkgs.firn-scan;
      defaultText = "pkgs.firn-scan";
      description = "The package with bin/firn-scan.";
    };

    trustedKeys = mkOption {
      type = types.listOf types.path;
      default = [ ];
      description = "Public keys whose snapshots are believed, by the services of this module and, as /etc/xdg/firn/trusted-keys, by whoever names them with --trust.";
    };
  };

  options.services.firn-scan.watch = {
    enable = mkEnableOption "a watch that says in the journal what is newly known to be vulnerable in the running system";

    tracker = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "The tracker whose snapshots are fetched, as https://tracker.example.org; null if they come by other means to /var/lib/firn/firn.snapshot.";
    };

    updateEvery = mkOption {
      type = types.str;
      default = "6h";
      description = "How often a new snapshot is asked for.";
    };

    decisions = mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "A file of decisions: what does not concern this machine, and until when.";
    };

    failOn = mkOption {
      type = types.nullOr (
        types.enum [
          "unknown"
          "low"
          "medium"
          "high"
          "critical"
        ]
      );
      default = null;
      description = "The service fails when something new is at least this severe, so that whatever watches failed units tells of it.";
    };
  };

  config = {
    assertions = [
      {
        assertion = !watch.enable || program.trustedKeys != [ ];
        message = "services.firn-scan.watch: no snapshot is believed without a key in programs.firn-scan.trustedKeys.";
      }
    ];

    environment.systemPackages = optionals program.enable [ program.package ];

    environment.etc = mkIf program.enable (
      builtins.listToAttrs (
        map (key: {
          name = "xdg/firn/trusted-keys/${builtins.unsafeDiscardStringContext (baseNameOf key)}";
          value.source = key;
        }) program.trustedKeys
      )
    );

    systemd.services = {
      firn-scan = mkIf watch.enable {
        description = "Say what is newly known to be vulnerable in the running system";
        documentation = [ "https://github.com/firn-nix/firn" ];
        unitConfig.ConditionPathExists = snapshot;
        path = [ config.nix.package ];
        environment = {
          FIRN_SNAPSHOT = snapshot;
          XDG_CONFIG_HOME = "/etc/xdg";
          XDG_DATA_HOME = "%S/firn-scan";
          XDG_STATE_HOME = "%S/firn-scan";
        };
        serviceConfig = confined // {
          Type = "oneshot";
          ExecStart = "${program.package}/bin/firn-scan watch --once --format jsonl ${escapeShellArgs arguments}";
          SuccessExitStatus = 4;
          # The same user and folder as firn-scan-update, which fetches the snapshot.
          User = "firn-scan";
          StateDirectory = "firn-scan firn";
          StateDirectoryMode = "0700";
          TimeoutStartSec = "10min";
          MemoryMax = "1G";
          Nice = 10;
          PrivateNetwork = true;
          RestrictAddressFamilies = "none";
          SystemCallFilter = [
            "@system-service"
            "~@privileged @resources"
          ];
          UMask = "0077";
        };
      };

      firn-scan-update = mkIf (watch.enable && watch.tracker != null) {
        description = "Fetch the newest snapshot of known vulnerabilities";
        documentation = [ "https://github.com/firn-nix/firn" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" ];
        environment = {
          FIRN_TRACKER = watch.tracker;
          FIRN_SNAPSHOT = snapshot;
          XDG_CONFIG_HOME = "/etc/xdg";
          XDG_DATA_HOME = "/var/lib";
          XDG_STATE_HOME = "%S/firn";
        };
        serviceConfig = confined // {
          Type = "oneshot";
          ExecStart = "${program.package}/bin/firn-scan snapshot update ${escapeShellArgs trust}";
          SuccessExitStatus = 4;
          User = "firn-scan";
          StateDirectory = "firn-scan firn";
          StateDirectoryMode = "0700";
          TimeoutStartSec = "30min";
          MemoryMax = "512M";
          Nice = 10;
          DevicePolicy = "closed";
          RestrictAddressFamilies = "AF_INET AF_INET6";
          UMask = "0022";
          SystemCallFilter = [
            "@system-service"
            "~@privileged @resources"
          ];
        };
      };
    };

    systemd.paths.firn-scan = mkIf watch.enable {
      description = "Scan again when the system or the snapshot changes";
      wantedBy = [ "paths.target" ];
      pathConfig.PathChanged = [
        "/nix/var/nix/profiles"
        snapshot
      ];
    };

    systemd.timers = {
      firn-scan = mkIf watch.enable {
        description = "Scan once a day";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnCalendar = "daily";
          RandomizedDelaySec = "1h";
          Persistent = true;
        };
      };
      firn-scan-update = mkIf (watch.enable && watch.tracker != null) {
        description = "Fetch the newest snapshot of known vulnerabilities";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnBootSec = "5min";
          OnUnitActiveSec = watch.updateEvery;
          RandomizedDelaySec = "1h";
          Persistent = true;
        };
      };
    };
  };
}
