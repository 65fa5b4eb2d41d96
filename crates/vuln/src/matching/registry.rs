//! Packages of language registries, as the addresses of their archives name them: what a fetcher downloads tells what is built.

use crate::package::Ecosystem;

/// The package of a registry that an archive's address or a package URL names: `mirror://pypi/r/requests/requests-2.1.tar.gz`.
pub(super) fn package_of(url: &str) -> Option<(Ecosystem, String)> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme == "pkg" {
        let purl: crate::purl::Purl = url.parse().ok()?;
        let path = purl.namespace.iter().map(|n| format!("{n}/")).collect::<String>() + &purl.name;
        return Ecosystem::from_purl_type(&purl.type_).map(|ecosystem| (ecosystem, path));
    }
    let (host, path) = rest.trim_start_matches('/').split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let file = || parts.last().copied().unwrap_or_default();
    let found = |ecosystem, name: &str| (!name.is_empty()).then(|| (ecosystem, name.to_string()));
    match (scheme, host, parts.as_slice()) {
        // The file bears the name everywhere: `packages/source/r/requests/requests-2.1.tar.gz`, `r/requests/requests-2.1.tar.gz`.
        ("mirror", "pypi", _) | (_, "files.pythonhosted.org" | "pypi.org" | "pypi.python.org" | "pypi.io", [_, ..]) => {
            found(Ecosystem::Python, stem(file())?)
        }
        (_, "crates.io", ["api", "v1", "crates", name, ..]) | (_, "static.crates.io", ["crates", name, ..]) => found(Ecosystem::Rust, name),
        (_, "registry.npmjs.org", [scope, name, "-", ..]) if scope.starts_with('@') => found(Ecosystem::Node, &format!("{scope}/{name}")),
        (_, "registry.npmjs.org", [name, "-", ..]) => found(Ecosystem::Node, name),
        (_, "rubygems.org", ["gems" | "downloads", ..]) => found(Ecosystem::Ruby, stem(file().strip_suffix(".gem")?)?),
        ("mirror", "cpan", ["authors", ..]) => found(Ecosystem::Perl, stem(file())?),
        ("mirror", "hackage", _) | (_, "hackage.haskell.org", ["package", ..]) => found(Ecosystem::Haskell, stem(file())?),
        _ => None,
    }
}

/// `requests` of `requests-2.1.tar.gz`: up to the last hyphen that a digit follows.
fn stem(file: &str) -> Option<&str> {
    let is_version = |at: usize| {
        file.get(at + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let (at, _) = file.match_indices('-').rfind(|(at, _)| is_version(*at))?;
    file.get(..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_name_their_packages() {
        for (url, expected) in [
            (
                "mirror://pypi/r/requests/requests-2.24.0.tar.gz",
                Some((Ecosystem::Python, "requests")),
            ),
            (
                "https://files.pythonhosted.org/packages/ab/cd/ef01/pyapp_x-1.0-py3-none-any.whl",
                Some((Ecosystem::Python, "pyapp_x")),
            ),
            (
                "https://crates.io/api/v1/crates/ripgrep/12.1.1/download",
                Some((Ecosystem::Rust, "ripgrep")),
            ),
            (
                "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz",
                Some((Ecosystem::Node, "left-pad")),
            ),
            (
                "https://registry.npmjs.org/@babel/core/-/core-7.0.tgz",
                Some((Ecosystem::Node, "@babel/core")),
            ),
            ("https://rubygems.org/gems/rake-13.0.1.gem", Some((Ecosystem::Ruby, "rake"))),
            (
                "mirror://cpan/authors/id/A/AB/ABC/Foo-Bar-1.02.tar.gz",
                Some((Ecosystem::Perl, "Foo-Bar")),
            ),
            ("pkg:pypi/frobnicate@1.0", Some((Ecosystem::Python, "frobnicate"))),
            ("https://example.org/foo-1.0.tar.gz", None),
            ("mirror://pypi/é-é", None),
            ("", None),
        ] {
            assert_eq!(package_of(url), expected.map(|(e, n)| (e, n.to_string())), "{url}");
        }
    }
}
