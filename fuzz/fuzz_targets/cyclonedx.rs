//! What is read from a CycloneDX document hangs together: edges and roots lead to components, and everything has a name.
#![no_main]

use attest::cyclonedx::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(bom) = parse(data) else {
        return;
    };
    let sbom = bom.sbom;
    let count = sbom.components.len();
    assert!(count <= data.len(), "{count} components in {} bytes", data.len());
    for component in &sbom.components {
        assert!(!component.name.is_empty());
        assert!(
            component
                .store_paths
                .iter()
                .chain(&component.drv_path)
                .all(|p| p.starts_with("/nix/store/"))
        );
        assert!(component.depends_on.iter().all(|&to| (to as usize) < count));
    }
    assert!(sbom.roots.iter().all(|&root| (root as usize) < count));
    assert!(count == 0 || !sbom.roots.is_empty(), "components without a root");
});
