//! Bootspec: what a NixOS generation says of how it is booted (RFC 125, version 1).
//!
//! `boot.json` lies in a system's folder. Generations older than it are described by [`synthesise`] from what lies there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A bootable system, or one of its specialisations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootspec {
    /// As `x86_64-linux`.
    pub system: String,
    /// For people.
    pub label: String,
    /// Folder of the system, an absolute path.
    pub toplevel: String,
    /// First program of the system, an absolute path.
    pub init: String,
    /// The kernel, an absolute path.
    pub kernel: String,
    /// What the kernel is told, `init=` left out.
    pub kernel_params: Vec<String>,
    /// The initrd, an absolute path.
    pub initrd: Option<String>,
    /// Program that appends this machine's secrets to the initrd it is given, an absolute path.
    pub initrd_secrets: Option<String>,
    /// Key that entries of a boot menu are sorted by, if one of the known extensions says so.
    pub sort_key: Option<String>,
    /// By name. Those of a specialisation itself are not defined and passed over.
    pub specialisations: BTreeMap<String, Bootspec>,
}

/// Why a `boot.json` is refused.
#[derive(Debug, thiserror::Error)]
pub enum BootspecError {
    /// Too large.
    #[error("parse boot.json: it has {0} bytes, more than {LARGEST}")]
    TooLarge(usize),
    /// Not JSON, or of another shape.
    #[error("parse boot.json: {part}")]
    Syntax {
        /// Which part of it.
        part: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Only another version is there, or none.
    #[error("parse boot.json: there is no org.nixos.bootspec.v1{}", others(.0))]
    Version(Vec<String>),
    /// A value that cannot be used.
    #[error("parse boot.json: {field} is {value:?}, which is {why}")]
    Value {
        /// Of which field.
        field: &'static str,
        /// The value, cut short.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// More specialisations than a menu could show.
    #[error("parse boot.json: it has {0} specialisations, more than {MOST_SPECIALISATIONS}")]
    Specialisations(usize),
}

fn others(versions: &[String]) -> String {
    if versions.is_empty() {
        return String::new();
    }
    format!(", only {}", versions.join(", "))
}

/// Real ones have a few kilobytes.
const LARGEST: usize = 1 << 20;
const MOST_SPECIALISATIONS: usize = 256;
const LONGEST_TEXT: usize = 4096;

const SPEC: &str = "org.nixos.bootspec.v1";
const SPECIALISATION: &str = "org.nixos.specialisation.v1";
/// Extensions with a sort key, and what they call it.
const SORT_KEYS: [(&str, &str); 2] = [("org.nixos.systemd-boot", "sortKey"), ("org.nix-community.lanzaboote", "sort_key")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V1 {
    system: String,
    label: String,
    toplevel: String,
    init: String,
    kernel: String,
    kernel_params: Vec<String>,
    initrd: Option<String>,
    initrd_secrets: Option<String>,
}

type Parts<'a> = BTreeMap<String, &'a RawValue>;

/// Reads `boot.json`.
pub fn parse(json: &[u8]) -> Result<Bootspec, BootspecError> {
    if json.len() > LARGEST {
        return Err(BootspecError::TooLarge(json.len()));
    }
    let parts: Parts<'_> = serde_json::from_slice(json).map_err(|source| syntax("the document", source))?;
    let mut spec = one(&parts)?;
    let Some(specialisations) = parts.get(SPECIALISATION) else {
        return Ok(spec);
    };
    let named: BTreeMap<String, Parts<'_>> =
        serde_json::from_str(specialisations.get()).map_err(|source| syntax(SPECIALISATION, source))?;
    if named.len() > MOST_SPECIALISATIONS {
        return Err(BootspecError::Specialisations(named.len()));
    }
    for (name, parts) in named {
        text("the name of a specialisation", &name)?;
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(value("the name of a specialisation", &name, "no file name"));
        }
        spec.specialisations.insert(name, one(&parts)?);
    }
    Ok(spec)
}

fn syntax(part: &str, source: serde_json::Error) -> BootspecError {
    BootspecError::Syntax { part: part.into(), source }
}

fn value(field: &'static str, value: &str, why: &'static str) -> BootspecError {
    BootspecError::Value {
        field,
        value: value.chars().take(80).collect(),
        why,
    }
}

fn one(parts: &Parts<'_>) -> Result<Bootspec, BootspecError> {
    let Some(spec) = parts.get(SPEC) else {
        let versions = parts.keys().filter(|k| k.starts_with("org.nixos.bootspec.")).take(8);
        return Err(BootspecError::Version(versions.cloned().collect()));
    };
    let v1: V1 = serde_json::from_str(spec.get()).map_err(|source| syntax(SPEC, source))?;
    let mut sort_key = None;
    for (extension, field) in SORT_KEYS {
        let Some(raw) = parts.get(extension) else { continue };
        // An extension of another shape is somebody else's: nothing of ours depends on it.
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        let key: Option<String> = fields.get(field).and_then(|v| serde_json::from_str(v.get()).ok());
        sort_key = sort_key.or(key);
    }
    let spec = Bootspec {
        system: v1.system,
        label: v1.label,
        toplevel: v1.toplevel,
        init: v1.init,
        kernel: v1.kernel,
        kernel_params: v1.kernel_params,
        initrd: v1.initrd,
        initrd_secrets: v1.initrd_secrets,
        sort_key,
        specialisations: BTreeMap::new(),
    };
    spec.check()?;
    Ok(spec)
}

impl Bootspec {
    /// The kernel's command line: `init=` and the parameters.
    #[must_use]
    pub fn command_line(&self) -> String {
        let mut line = format!("init={}", self.init);
        for parameter in &self.kernel_params {
            line.push(' ');
            line.push_str(parameter);
        }
        line
    }

    fn check(&self) -> Result<(), BootspecError> {
        text("system", &self.system)?;
        text("label", &self.label)?;
        path("toplevel", &self.toplevel)?;
        path("init", &self.init)?;
        path("kernel", &self.kernel)?;
        for (field, optional) in [("initrd", &self.initrd), ("initrdSecrets", &self.initrd_secrets)] {
            optional.as_deref().map_or(Ok(()), |p| path(field, p))?;
        }
        self.sort_key.as_deref().map_or(Ok(()), |key| text("sort key", key))?;
        // The command line is text of a signed section: what could end it early, or begin another line, is refused.
        self.kernel_params.iter().try_for_each(|p| text("kernelParams", p))
    }
}

fn text(field: &'static str, text: &str) -> Result<(), BootspecError> {
    if text.len() > LONGEST_TEXT {
        return Err(value(field, text, "too long"));
    }
    if text.chars().any(char::is_control) {
        return Err(value(field, text, "text with control characters"));
    }
    Ok(())
}

fn path(field: &'static str, path: &str) -> Result<(), BootspecError> {
    text(field, path)?;
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(value(field, path, "no absolute path"));
    }
    Ok(())
}

/// What lies in the folder of a system that has no `boot.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemFolder {
    /// The folder itself, an absolute path.
    pub toplevel: String,
    /// Where its link `kernel` leads.
    pub kernel: String,
    /// Where its link `initrd` leads.
    pub initrd: Option<String>,
    /// `append-initrd-secrets`, if it is there.
    pub initrd_secrets: Option<String>,
    /// Its file `kernel-params`.
    pub kernel_params: String,
    /// Its file `nixos-version`.
    pub version: String,
    /// Its file `system`.
    pub system: String,
    /// Name of the folder in `kernel-modules/lib/modules`.
    pub kernel_version: Option<String>,
}

/// Describes a system that is older than `boot.json`, as RFC 125 says.
pub fn synthesise(folder: &SystemFolder) -> Result<Bootspec, BootspecError> {
    let kernel = folder
        .kernel_version
        .as_deref()
        .map(|v| format!(" (Linux {v})"))
        .unwrap_or_default();
    let spec = Bootspec {
        system: folder.system.trim().into(),
        label: format!("NixOS {}{kernel}", folder.version.trim()),
        toplevel: folder.toplevel.clone(),
        init: format!("{}/init", folder.toplevel),
        kernel: folder.kernel.clone(),
        kernel_params: folder.kernel_params.split_whitespace().map(str::to_owned).collect(),
        initrd: folder.initrd.clone(),
        initrd_secrets: folder.initrd_secrets.clone(),
        sort_key: None,
        specialisations: BTreeMap::new(),
    };
    spec.check()?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{
        "org.nixos.bootspec.v1": {
            "system": "x86_64-linux",
            "init": "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-nixos/init",
            "initrd": "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-initrd/initrd",
            "initrdSecrets": "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-append/bin/append-initrd-secrets",
            "kernel": "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-linux/bzImage",
            "kernelParams": ["quiet", "root=UUID=1 2"],
            "label": "NixOS Zokor 26.05 (Linux 6.12)",
            "toplevel": "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-nixos"
        },
        "org.nixos.specialisation.v1": {
            "safe": { "org.nixos.bootspec.v1": {
                "system": "x86_64-linux", "init": "/s/init", "kernel": "/s/kernel", "kernelParams": [], "label": "safe", "toplevel": "/s" },
                "org.nixos.systemd-boot": { "sortKey": "safe" } }
        },
        "org.nix-community.lanzaboote": { "sort_key": "nixos" },
        "org.example": [1, {"deep": null}]
    }"#;

    #[test]
    fn a_full_one_is_read() {
        let spec = parse(FULL.as_bytes()).unwrap();
        assert_eq!(spec.label, "NixOS Zokor 26.05 (Linux 6.12)");
        assert_eq!(
            spec.command_line(),
            "init=/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-nixos/init quiet root=UUID=1 2"
        );
        assert!(spec.initrd_secrets.as_deref().unwrap().ends_with("/bin/append-initrd-secrets"));
        assert_eq!(spec.sort_key.as_deref(), Some("nixos"));
        let safe = &spec.specialisations["safe"];
        assert_eq!((safe.initrd.as_ref(), safe.initrd_secrets.as_ref()), (None, None));
        assert_eq!(safe.sort_key.as_deref(), Some("safe"));
        assert_eq!(safe.command_line(), "init=/s/init");
    }

    fn refused(from: &str, to: &str) -> String {
        assert!(FULL.contains(from), "{from}");
        parse(FULL.replace(from, to).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_named() {
        assert_eq!(
            refused(
                "org.nixos.bootspec.v1\": {\n            \"system",
                "org.nixos.bootspec.v2\": {\n            \"system"
            ),
            "parse boot.json: there is no org.nixos.bootspec.v1, only org.nixos.bootspec.v2"
        );
        assert_eq!(
            refused("\"quiet\"", "\"quiet\\nroot=evil\""),
            "parse boot.json: kernelParams is \"quiet\\nroot=evil\", which is text with control characters"
        );
        assert_eq!(
            refused("\"/s/kernel\"", "\"../kernel\""),
            "parse boot.json: kernel is \"../kernel\", which is no absolute path"
        );
        assert_eq!(refused("\"/s/kernel\"", "7"), "parse boot.json: org.nixos.bootspec.v1");
        assert_eq!(
            refused("\"safe\": {", "\"../up\": {"),
            "parse boot.json: the name of a specialisation is \"../up\", which is no file name"
        );
        assert_eq!(parse(b"[1]").unwrap_err().to_string(), "parse boot.json: the document");
        assert!(matches!(parse(&vec![b' '; LARGEST + 1]), Err(BootspecError::TooLarge(_))));
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn an_old_generation_is_described_from_its_folder() {
        let folder = SystemFolder {
            toplevel: "/nix/store/old".into(),
            kernel: "/nix/store/linux/bzImage".into(),
            kernel_params: "quiet loglevel=4\n".into(),
            version: "20.09\n".into(),
            system: "x86_64-linux".into(),
            kernel_version: Some("5.4.1".into()),
            ..SystemFolder::default()
        };
        let spec = synthesise(&folder).unwrap();
        assert_eq!(spec.label, "NixOS 20.09 (Linux 5.4.1)");
        assert_eq!(spec.command_line(), "init=/nix/store/old/init quiet loglevel=4");
        let elsewhere = SystemFolder {
            kernel: "bzImage".into(),
            ..folder
        };
        assert!(synthesise(&elsewhere).is_err());
    }
}
