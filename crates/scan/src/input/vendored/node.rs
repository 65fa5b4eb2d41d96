//! What node2nix puts into a package: its script unpacks each archive and moves it to where npm would have put it.

use nix_model::StorePath;

use super::registry;

/// Dependencies that a composition script installs. Its lines are
///
/// ```text
/// unpackFile /nix/store/...-color-name-1.1.1.tgz           until 2021
/// mv "$packageDir" "$DIR/@types/color-name"
/// installPackage "@types/color-name" "/nix/store/...-color-name-1.1.1.tgz"
/// ```
///
/// The archive tells the version, the place the whole name. What is not from npm (`source` of a git repository) has no version in its
/// name and is passed over, and so is the first one: the package itself.
pub(super) fn composed(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut archive = None;
    let mut is_own = true;
    for line in script.lines().map(str::trim) {
        let installed = if let Some(path) = line.strip_prefix("unpackFile ") {
            archive = Some(path.trim_matches('"'));
            continue;
        } else if let Some(place) = line.strip_prefix("mv \"$packageDir\" \"$DIR/") {
            archive.take().map(|archive| (place.trim_end_matches('"'), archive))
        } else if let Some(rest) = line.strip_prefix("installPackage \"") {
            rest.split_once("\" \"").map(|(name, path)| (name, path.trim_end_matches('"')))
        } else {
            None
        };
        let Some((name, archive)) = installed else { continue };
        if !std::mem::take(&mut is_own) {
            found.extend(dependency(name, archive));
        }
    }
    found
}

fn dependency(name: &str, archive: &str) -> Option<String> {
    let path: StorePath = archive.parse().ok()?;
    let (scope, name) = match name.split_once('/') {
        Some((scope, name)) if scope.starts_with('@') => (Some(scope), name),
        Some(_) => return None,
        None => (None, name),
    };
    let version = path.name().strip_suffix(".tgz")?.strip_prefix(name)?.strip_prefix('-')?;
    registry::npm(scope, name, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4";

    #[test]
    fn both_kinds_of_scripts_name_what_they_install() {
        let old = format!(
            "unpackFile /nix/store/{HASH}-gtop-1.0.2.tgz\n    mv \"$packageDir\" \"$DIR/gtop\"\n    mv \"$strippedName\" \"$DIR/gtop\"\n\
             unpackFile /nix/store/{HASH}-color-name-1.1.1.tgz\n    mv \"$packageDir\" \"$DIR/@types/color-name\"\n\
             unpackFile /nix/store/{HASH}-source\n mv \"$packageDir\" \"$DIR/forked\"\n\
             unpackFile /nix/store/{HASH}-lodash.toarray-4.4.0.tgz\n mv \"$packageDir\" \"$DIR/lodash.toarray\"\n"
        );
        let new = format!(
            "installPackage \"gtop\" \"/nix/store/{HASH}-gtop-1.0.2.tgz\"\n\
             installPackage \"@types/color-name\" \"/nix/store/{HASH}-color-name-1.1.1.tgz\"\n\
             installPackage \"lodash.toarray\" \"/nix/store/{HASH}-lodash.toarray-4.4.0.tgz\"\n"
        );
        for script in [old, new] {
            assert_eq!(
                composed(&script),
                ["pkg:npm/%40types/color-name@1.1.1", "pkg:npm/lodash.toarray@4.4.0"],
                "{script}"
            );
        }
    }

    #[test]
    fn security_scripts_that_are_none_say_nothing() {
        for script in [
            "",
            "mv \"$packageDir\" \"$DIR/x\"",
            "installPackage \"a\nunpackFile\nunpackFile \nmv \"$packageDir\" \"$DIR/",
            "installPackage \"a\" \"b\"\ninstallPackage \"a/b/c\" \"/nix/store/x\"",
        ] {
            assert_eq!(composed(script), [""; 0], "{script}");
        }
    }
}
