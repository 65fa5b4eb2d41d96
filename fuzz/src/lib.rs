//! What several targets check alike.

use attest::sbom::Sbom;

/// Panics unless an SBOM that was read from so many bytes hangs together: edges and roots lead to components, and everything has a name.
pub fn hangs_together(sbom: &Sbom, bytes: usize) {
    let count = sbom.components.len();
    assert!(count <= bytes, "{count} components in {bytes} bytes");
    for component in &sbom.components {
        assert!(!component.name.is_empty());
        let mut paths = component.store_paths.iter().chain(&component.drv_path);
        assert!(paths.all(|path| path.starts_with("/nix/store/")));
        assert!(component.depends_on.iter().all(|&to| (to as usize) < count));
    }
    assert!(sbom.roots.iter().all(|&root| (root as usize) < count));
    assert!(count == 0 || !sbom.roots.is_empty(), "components without a root");
}
