//! One package from what two sources say about it.

use super::Package;

/// Joins what a package list and an evaluation say about one attribute. The list has the fuller `meta`, so its facts win where
/// it has any; the evaluation knows the derivation, so its name, outputs, patches and sources win.
pub fn join(list: Package, eval: Package) -> Package {
    Package {
        attr: text(list.attr, eval.attr),
        // Both are split from the same name, unless the derivation told better.
        pname: text(eval.pname, list.pname),
        version: text(eval.version, list.version),
        system: text(eval.system, list.system),
        outputs: longer(eval.outputs, list.outputs),
        position: list.position.or(eval.position),
        description: list.description.or(eval.description),
        homepages: longer(list.homepages, eval.homepages),
        changelogs: longer(list.changelogs, eval.changelogs),
        licenses: longer(list.licenses, eval.licenses),
        maintainers: longer(list.maintainers, eval.maintainers),
        teams: longer(list.teams, eval.teams),
        known_vulnerabilities: longer(list.known_vulnerabilities, eval.known_vulnerabilities),
        pages: longer(list.pages, eval.pages),
        cpes: longer(list.cpes, eval.cpes),
        possible_cpes: longer(list.possible_cpes, eval.possible_cpes),
        purls: longer(list.purls, eval.purls),
        source_urls: longer(eval.source_urls, list.source_urls),
        source_names: longer(eval.source_names, list.source_names),
        patches: longer(eval.patches, list.patches),
        script_ids: longer(eval.script_ids, list.script_ids),
        drv_path: eval.drv_path.or(list.drv_path),
    }
}

fn text(first: String, second: String) -> String {
    if first.is_empty() { second } else { first }
}

/// The first, unless the second says more.
fn longer<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    if second.len() > first.len() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_meta_from_the_list_and_the_derivation_from_the_evaluation() {
        let list = Package {
            attr: "curl".into(),
            pname: "curl".into(),
            version: "7.71.1".into(),
            description: Some("from the list".into()),
            homepages: vec!["https://curl.haxx.se/".into()],
            ..Package::default()
        };
        let eval = Package {
            attr: "curl".into(),
            pname: "curl".into(),
            version: "7.71.1".into(),
            system: "x86_64-linux".into(),
            description: Some("from the evaluation".into()),
            licenses: vec!["MIT".into()],
            patches: vec!["CVE-2020-8231.patch".into()],
            drv_path: Some("/nix/store/x.drv".into()),
            ..Package::default()
        };
        let joined = join(list, eval);
        assert_eq!(joined.description.as_deref(), Some("from the list"));
        assert_eq!(joined.homepages, ["https://curl.haxx.se/"]);
        assert_eq!(joined.licenses, ["MIT"]);
        assert_eq!(joined.system, "x86_64-linux");
        assert_eq!(joined.patches, ["CVE-2020-8231.patch"]);
        assert_eq!(joined.drv_path.as_deref(), Some("/nix/store/x.drv"));
    }
}
