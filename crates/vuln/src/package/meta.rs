//! `meta` attributes, in the shapes they had over the years.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Maintainer, Package};
use crate::Problem;

/// Adds what a package's `meta` says. `at` is where it lies, for problems. A member of another shape than any known is a
/// problem and is left out; the others are taken.
pub(super) fn apply(meta: &RawValue, package: &mut Package, at: &str, problems: &mut Vec<Problem>) {
    let meta: Meta<'_> = match serde_json::from_str(meta.get()) {
        Ok(meta) => meta,
        Err(error) => return problems.push(Problem::new(at, format!("not a meta object: {error}"))),
    };
    let mut reader = Reader { at, problems };
    package.description = reader.texts("description", meta.description).into_iter().next();
    package.position = reader.texts("position", meta.position).into_iter().next().map(strip_position);
    package.homepages = reader.texts("homepage", meta.homepage);
    package.changelogs = reader.texts("changelog", meta.changelog);
    package.pages = reader.texts("downloadPage", meta.download_page);
    if let Some(Value::Object(repositories)) = reader.value("repositories", meta.repositories) {
        package
            .pages
            .extend(repositories.values().filter_map(Value::as_str).map(str::to_owned));
    }
    package.known_vulnerabilities = reader.texts("knownVulnerabilities", meta.known_vulnerabilities);
    for item in reader.items("license", meta.license) {
        package.licenses.extend(name_of(&item, &["spdxId", "shortName", "fullName"]));
    }
    for item in reader.items("maintainers", meta.maintainers) {
        package.maintainers.extend(maintainer(&item));
    }
    for item in reader.items("teams", meta.teams) {
        package.teams.extend(name_of(&item, &["shortName", "github", "scope"]));
    }
    if let Some(Value::Object(identifiers)) = reader.value("identifiers", meta.identifiers) {
        add_identifiers(&identifiers, package);
    }
}

/// The members that are read; the others are skipped without a look.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(borrow)]
    homepage: Option<&'a RawValue>,
    #[serde(borrow)]
    changelog: Option<&'a RawValue>,
    #[serde(borrow)]
    download_page: Option<&'a RawValue>,
    #[serde(borrow)]
    repositories: Option<&'a RawValue>,
    #[serde(borrow)]
    known_vulnerabilities: Option<&'a RawValue>,
    #[serde(borrow)]
    license: Option<&'a RawValue>,
    #[serde(borrow)]
    maintainers: Option<&'a RawValue>,
    #[serde(borrow)]
    teams: Option<&'a RawValue>,
    #[serde(borrow)]
    identifiers: Option<&'a RawValue>,
}

struct Reader<'r> {
    at: &'r str,
    problems: &'r mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, member: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(format!("{}/{member}", self.at), message));
    }

    fn value(&mut self, member: &str, raw: Option<&RawValue>) -> Option<Value> {
        match serde_json::from_str(raw?.get()) {
            Ok(Value::Null) => None,
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(member, error.to_string());
                None
            }
        }
    }

    /// A text or a list of them.
    fn texts(&mut self, member: &str, raw: Option<&RawValue>) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.items(member, raw) {
            match item {
                Value::String(text) => texts.push(text),
                other => self.problem(member, format!("expected a string, found {}", kind(&other))),
            }
        }
        texts
    }

    /// One thing or a list of them; lists in the list (a slip that happens: `maintainers = [ [ a b ] c ]`) are flattened.
    fn items(&mut self, member: &str, raw: Option<&RawValue>) -> Vec<Value> {
        let mut items = Vec::new();
        if let Some(value) = self.value(member, raw) {
            flatten(value, &mut items);
        }
        items
    }
}

/// The depth is bounded by the JSON parser's own limit.
fn flatten(value: Value, items: &mut Vec<Value>) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|item| flatten(item, items)),
        Value::Null => {}
        other => items.push(other),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text_of<'v>(object: &'v Map<String, Value>, member: &str) -> Option<&'v str> {
    object.get(member)?.as_str().filter(|text| !text.is_empty())
}

/// A name that is a string itself, or the first of some members of an object.
fn name_of(value: &Value, members: &[&str]) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Object(object) => members.iter().find_map(|member| text_of(object, member)).map(str::to_owned),
        _ => None,
    }
}

fn maintainer(value: &Value) -> Option<Maintainer> {
    let github = value.as_object().and_then(|object| text_of(object, "github")).map(str::to_owned);
    // `Name <address>` was a maintainer before there were objects.
    let name = name_of(value, &["name", "github", "email"])?;
    let name = name.split(" <").next().unwrap_or_default().to_owned();
    Some(Maintainer { name, github })
}

/// `/nix/store/...-source/pkgs/a.nix:1` and `/home/me/nixpkgs/pkgs/a.nix:1` become `pkgs/a.nix:1`.
fn strip_position(position: String) -> String {
    if !position.starts_with('/') {
        return position;
    }
    match ["/pkgs/", "/nixos/", "/lib/", "/maintainers/"]
        .iter()
        .find_map(|folder| position.find(folder))
    {
        Some(at) => position[at + 1..].to_owned(),
        None => position,
    }
}

/// `meta.identifiers`, and its stable copy `v1` where the member itself is missing.
fn add_identifiers(identifiers: &Map<String, Value>, package: &mut Package) {
    let v1 = identifiers.get("v1").and_then(Value::as_object);
    let member = |name: &str| identifiers.get(name).or_else(|| v1?.get(name)).filter(|value| !value.is_null());

    let parts = member("cpeParts").and_then(Value::as_object);
    let cpe = member("cpe").and_then(Value::as_str).map(str::to_owned);
    package.cpes.extend(cpe.or_else(|| cpe_of(parts?, &package.pname)));

    for guess in member("possibleCPEs").and_then(Value::as_array).into_iter().flatten() {
        let name = match guess {
            Value::String(name) => Some(name.clone()),
            Value::Object(object) => text_of(object, "cpe").map(str::to_owned).or_else(|| {
                let parts = object.get("cpeParts").and_then(Value::as_object).unwrap_or(object);
                cpe_of(parts, &package.pname)
            }),
            _ => None,
        };
        // A known name is repeated as its only guess.
        package.possible_cpes.extend(name.filter(|name| !package.cpes.contains(name)));
    }

    let parts = member("purlParts").and_then(Value::as_object);
    let from_parts = parts.and_then(|parts| Some(format!("pkg:{}/{}", text_of(parts, "type")?, text_of(parts, "spec")?)));
    let purl = member("purl").and_then(Value::as_str).map(str::to_owned).or(from_parts);
    let purls = member("purls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned);
    for purl in purl.into_iter().chain(purls) {
        if !package.purls.contains(&purl) {
            package.purls.push(purl);
        }
    }
}

/// A CPE 2.3 name from its parts. `None` without a vendor: Nixpkgs gives every package a product, its pname, which says nothing
/// of its own.
fn cpe_of(parts: &Map<String, Value>, pname: &str) -> Option<String> {
    const REST: [&str; 8] = [
        "version",
        "update",
        "edition",
        "language",
        "sw_edition",
        "target_sw",
        "target_hw",
        "other",
    ];
    let vendor = text_of(parts, "vendor")?;
    let product = text_of(parts, "product").unwrap_or(pname);
    let mut name = format!("cpe:2.3:{}", text_of(parts, "part").unwrap_or("a"));
    for value in [vendor, product]
        .into_iter()
        .chain(REST.iter().map(|part| text_of(parts, part).unwrap_or("*")))
    {
        name.push(':');
        push_escaped(&mut name, value);
    }
    Some(name)
}

/// Values are written as in a CPE name, though not always with the escapes that one needs.
fn push_escaped(name: &mut String, value: &str) {
    let mut escaped = false;
    for c in value.chars() {
        if !(escaped || c.is_ascii_alphanumeric() || !c.is_ascii() || "._-*?\\".contains(c)) {
            name.push('\\');
        }
        escaped = c == '\\' && !escaped;
        name.push(c);
    }
    // A lone backslash at the end would escape the next part's colon.
    if escaped {
        name.push('\\');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(meta: &str) -> (Package, Vec<Problem>) {
        let mut package = Package {
            pname: "curl".into(),
            ..Package::default()
        };
        let mut problems = Vec::new();
        let raw: &RawValue = serde_json::from_str(meta).unwrap();
        apply(raw, &mut package, "/curl/meta", &mut problems);
        (package, problems)
    }

    #[test]
    fn reads_single_values_and_lists() {
        let (package, problems) = read(
            r#"{"description":"d","homepage":"https://a","changelog":["https://b","https://c"],"downloadPage":"https://d","repositories":{"git":"https://e.git"},
                "position":"/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-source/pkgs/tools/curl/default.nix:25","license":{"shortName":"mit","spdxId":"MIT"},
                "maintainers":[[{"name":"A","github":"a"},{"github":"b"}],"C D <c@d>"],"teams":[{"shortName":"Rust","members":[]}],"platforms":[{}],
                "knownVulnerabilities":["CVE-2020-1234: bad","end of life"]}"#,
        );
        assert_eq!(problems, []);
        assert_eq!(package.description.as_deref(), Some("d"));
        assert_eq!(package.homepages, ["https://a"]);
        assert_eq!(package.changelogs, ["https://b", "https://c"]);
        assert_eq!(package.pages, ["https://d", "https://e.git"]);
        assert_eq!(package.position.as_deref(), Some("pkgs/tools/curl/default.nix:25"));
        assert_eq!(package.licenses, ["MIT"]);
        let names: Vec<_> = package.maintainers.iter().map(|m| (m.name.as_str(), m.github.as_deref())).collect();
        assert_eq!(names, [("A", Some("a")), ("b", Some("b")), ("C D", None)]);
        assert_eq!(package.teams, ["Rust"]);
        assert_eq!(package.known_vulnerabilities, ["CVE-2020-1234: bad", "end of life"]);
    }

    #[test]
    fn reads_licences_of_every_shape() {
        assert_eq!(read(r#"{"license":"unknown"}"#).0.licenses, ["unknown"]);
        assert_eq!(
            read(r#"{"license":["BSD",{"fullName":"F"},{"shortName":"s","fullName":"F"}]}"#)
                .0
                .licenses,
            ["BSD", "F", "s"]
        );
        assert_eq!(read(r#"{"license":null}"#).0.licenses, [""; 0]);
    }

    #[test]
    fn a_member_of_another_shape_does_not_take_the_others_along() {
        let (package, problems) = read(r#"{"description":{"a":1},"homepage":["https://a",7],"license":true,"maintainers":[null,3]}"#);
        assert_eq!(package.homepages, ["https://a"]);
        assert_eq!(package.description, None);
        let problems: Vec<_> = problems.iter().map(|p| (p.at.as_str(), p.message.as_str())).collect();
        assert_eq!(
            problems,
            [
                ("/curl/meta/description", "expected a string, found an object"),
                ("/curl/meta/homepage", "expected a string, found a number")
            ]
        );
        assert_eq!(read("[]").1.len(), 1);
    }

    #[test]
    fn builds_cpe_names_from_their_parts() {
        let (package, _) = read(r#"{"identifiers":{"cpeParts":{"vendor":"haxx","version":"7.71.1","update":"*"}}}"#);
        assert_eq!(package.cpes, ["cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*"]);
        let (package, _) = read(r#"{"identifiers":{"cpeParts":{"part":"o","vendor":"a:b","product":"c\\+\\+","version":"1~2"}}}"#);
        assert_eq!(package.cpes, ["cpe:2.3:o:a\\:b:c\\+\\+:1\\~2:*:*:*:*:*:*:*"]);
        assert_eq!(read(r#"{"identifiers":{"cpeParts":{"product":"curl"}}}"#).0.cpes, [""; 0]);
    }

    #[test]
    fn reads_identifiers_from_their_stable_copy_too() {
        let (package, problems) = read(
            r#"{"identifiers":{"v1":{"cpe":"cpe:2.3:a:haxx:curl:1:*:*:*:*:*:*:*","possibleCPEs":[
                {"cpe":"cpe:2.3:a:haxx:curl:1:*:*:*:*:*:*:*","cpeParts":{}},"cpe:2.3:a:x:y:*:*:*:*:*:*:*:*",{"cpeParts":{"vendor":"v"}},{"vendor":"w","product":"p"}],
                "purl":"pkg:github/curl/curl@1","purls":["pkg:github/curl/curl@1","pkg:generic/x"]}}}"#,
        );
        assert_eq!(problems, []);
        assert_eq!(package.cpes, ["cpe:2.3:a:haxx:curl:1:*:*:*:*:*:*:*"]);
        assert_eq!(
            package.possible_cpes,
            [
                "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*",
                "cpe:2.3:a:v:curl:*:*:*:*:*:*:*:*",
                "cpe:2.3:a:w:p:*:*:*:*:*:*:*:*"
            ]
        );
        assert_eq!(package.purls, ["pkg:github/curl/curl@1", "pkg:generic/x"]);
        assert_eq!(
            read(r#"{"identifiers":{"purlParts":{"type":"github","spec":"a/b@1"}}}"#).0.purls,
            ["pkg:github/a/b@1"]
        );
    }

    #[test]
    fn positions_lose_the_folder_of_the_checkout() {
        assert_eq!(strip_position("pkgs/a.nix:1".into()), "pkgs/a.nix:1");
        assert_eq!(strip_position("/home/me/nixpkgs/pkgs/a/pkgs/b.nix:1".into()), "pkgs/a/pkgs/b.nix:1");
        assert_eq!(
            strip_position("/nix/store/x-nixexprs/nixos/doc/a.nix:1".into()),
            "nixos/doc/a.nix:1"
        );
        assert_eq!(strip_position("/elsewhere/a.nix:1".into()), "/elsewhere/a.nix:1");
    }
}
