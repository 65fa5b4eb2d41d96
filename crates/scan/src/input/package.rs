//! What a name in the store says about a package, and which names are none.

use nix_model::output_name::OutputName;

/// A package's name and version as its output's name tells them; `None` for what is no package: sources, patches, scripts,
/// configuration, units, environments, systems, and whatever bears no version.
pub fn of_output<'a>(name: &'a str, deriver: Option<&str>) -> Option<OutputName<'a>> {
    let stem = deriver.map(|name| name.strip_suffix(".drv").unwrap_or(name));
    let split = match stem.and_then(|stem| Some((stem, OutputName::of(name, stem)?))) {
        Some((stem, _)) if is_part(stem) => return None,
        Some((_, split)) => split,
        None if is_part(name) => return None,
        None => OutputName::guess(name),
    };
    is_version(split.version).then_some(split)
}

/// The same of a derivation's name, with or without `.drv`.
pub fn of_derivation(name: &str) -> Option<OutputName<'_>> {
    let stem = name.strip_suffix(".drv").unwrap_or(name);
    // A kernel's own modules are an output of it; a derivation of that name only collects them.
    if stem.ends_with("-modules") {
        None
    } else {
        of_output(stem, Some(stem))
    }
}

/// Whether a name is that of a part of a package or a system, not of a package.
pub fn is_part(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    FILES.iter().any(|ending| lower.ends_with(ending))
        || ENDS.iter().any(|end| lower.ends_with(end))
        || STARTS.iter().any(|start| lower.starts_with(start))
}

/// A version has a digit, or is one of the words that stand for the newest.
pub fn is_version(version: &str) -> bool {
    version.contains(|c: char| c.is_ascii_digit())
}

/// Endings of files: archives, patches, scripts, configuration, units, data.
const FILES: [&str; 62] = [
    ".asc", ".awk", ".bz2", ".c", ".cfg", ".cmake", ".conf", ".cpp", ".crate", ".crt", ".css", ".csv", ".deb", ".desktop", ".diff", ".el",
    ".gem", ".gz", ".h", ".html", ".ini", ".jar", ".js", ".json", ".key", ".lock", ".lua", ".lz", ".lzma", ".md", ".mount", ".nix",
    ".nupkg", ".pam", ".path", ".patch", ".pem", ".pl", ".png", ".ps1", ".py", ".rb", ".rpm", ".rules", ".sed", ".service", ".sh", ".sig",
    ".slice", ".socket", ".svg", ".target", ".tar", ".tcl", ".tgz", ".timer", ".toml", ".txt", ".whl", ".xml", ".xsl", ".xz",
];

/// Endings of what is made of packages, or is a package's source.
const ENDS: [&str; 20] = [
    ".zip",
    ".zst",
    ".tbz",
    ".tbz2",
    ".txz",
    ".yaml",
    ".yml",
    "-env",
    "-src",
    "-source",
    "-sources",
    "-vendor",
    "-cargo-deps",
    "-go-modules",
    "-npm-deps",
    "-yarn-deps",
    "-pnpm-deps",
    "-modules-shrunk",
    "-sdist",
    "-setup-hook",
];

/// Beginnings of parts of a NixOS system.
const STARTS: [&str; 14] = [
    "nixos-system-",
    "darwin-system-",
    "initrd-linux-",
    "initrd-kmod-",
    "unit-",
    "etc-",
    "fc-",
    "system-path",
    "system-units",
    "user-units",
    "user-environment",
    "home-manager-generation",
    "activation-script-",
    "x-restart-triggers-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_what_is_none() {
        let split = |name, deriver| of_output(name, deriver).map(|n| (n.pname, n.version, n.output));
        assert_eq!(split("curl-7.71.1-bin", None), Some(("curl", "7.71.1", "bin")));
        assert_eq!(split("vim-8.2-py3", Some("vim-8.2.drv")), Some(("vim", "8.2", "py3")));
        // A deriver of another name is no help.
        assert_eq!(split("curl-7.71.1-bin", Some("other-1.drv")), Some(("curl", "7.71.1", "bin")));
        for name in [
            "source",
            "CVE-2020-1.patch",
            "curl-7.71.1.tar.bz2",
            "unit-sshd.service",
            "etc-10-nixos.rules",
            "nixos-system-sample-20.09pre-git",
            "python3-3.8.3-env",
            "linux-5.4.53-modules-shrunk",
            "initrd-linux-5.4.53",
            "setup-hook.sh",
            "bootstrap-tools",
            "rust-cbindgen-0.14.3-vendor.tar.gz",
            "polkit-1.pam",
            "hook",
            "x-é",
        ] {
            assert_eq!(split(name, None), None, "{name}");
        }
        assert_eq!(of_derivation("openssl-1.1.1g.drv").unwrap().version, "1.1.1g");
        assert_eq!(of_derivation("openssl-1.1.1g.tar.gz.drv"), None);
        assert_eq!(of_derivation("linux-5.4.53-modules"), None);
        assert_eq!(split("linux-5.4.53-modules", None), Some(("linux", "5.4.53", "modules")));
    }
}
