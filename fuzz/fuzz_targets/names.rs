//! Short names of all kinds: what is read prints as what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::output_name::OutputName;
use nix_model::{StorePath, base32, name};
use vuln::id::CveId;

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<CveId>() {
        assert_eq!(id.to_string(), text.to_ascii_uppercase());
    }
    if let Ok(path) = text.parse::<StorePath>() {
        assert!(path.to_string().ends_with(text) && text.ends_with(path.name()));
    }
    if let Ok((path, rest)) = StorePath::split_prefix(text) {
        assert_eq!(format!("{path}{rest}"), text);
    }
    if let Ok(bytes) = base32::decode(text) {
        assert_eq!(base32::encode(&bytes), text);
    }
    let output = OutputName::guess(text);
    assert!(text.starts_with(output.pname) && text.contains(output.version));
    let (pname, version) = name::split(text);
    assert!(text.starts_with(pname) && text.ends_with(version));
});
