//! Package lists: each attribute once, whatever the list says.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use vuln::package;

fuzz_target!(|data: &[u8]| {
    let mut attrs = HashSet::new();
    package::list::read(data, |package| {
        assert!(attrs.insert(package.attr.clone()), "an attribute is handed over once");
        let _ = package::ecosystem(&package.attr, &package.pname);
        for text in &package.known_vulnerabilities {
            assert!(package::ids_in(text).iter().all(|id| id.is_ascii()));
        }
    });
});
