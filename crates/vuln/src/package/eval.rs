//! Lines of `nix-eval-jobs`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Package, list, meta};
use crate::Problem;

/// The longest line that is read.
const MAX_LINE: usize = 16 << 20;
/// How much of an evaluation error is kept: its first lines say what, the rest is a trace.
const MAX_ERROR: usize = 500;

/// Reads one line. The package lacks what only its derivation knows; `drv_path` says where that is. A line that reports an
/// evaluation error is a [`Problem`] that names the attribute; so is one that cannot be read. Problems beside a package are
/// parts of it that had to be left out.
pub fn read(line: &str) -> Result<(Package, Vec<Problem>), Problem> {
    if line.len() > MAX_LINE {
        return Err(Problem::new("", format!("line longer than {MAX_LINE} bytes")));
    }
    let job: Job<'_> = serde_json::from_str(line).map_err(|error| Problem::new("", format!("not a line of nix-eval-jobs: {error}")))?;
    // `attr` quotes names with dots in them, package lists do not.
    let attr = match job.attr_path {
        Some(path) if !path.is_empty() => path.join("."),
        _ => job.attr.unwrap_or_default(),
    };
    let at = format!("/{}", attr.replace('~', "~0").replace('/', "~1"));
    if let Some(error) = job.error {
        return Err(Problem::new(format!("{at}/error"), readable(&error)));
    }
    let (pname, version) = list::names(job.name.as_deref(), None, None).ok_or_else(|| Problem::new(&at, "no name"))?;
    let mut problems = Vec::new();
    let mut package = Package {
        attr,
        pname,
        version,
        system: job.system.unwrap_or_default(),
        ..Package::default()
    };
    match job.drv_path.as_deref().map(str::parse::<nix_model::StorePath>) {
        Some(Ok(path)) => package.drv_path = Some(path.to_string()),
        Some(Err(error)) => problems.push(Problem::new(format!("{at}/drvPath"), error.to_string())),
        None => {}
    }
    if let Some(raw) = job.outputs {
        package.outputs = list::outputs(raw, &at, &mut problems);
    }
    if let Some(raw) = job.meta {
        meta::apply(raw, &mut package, &format!("{at}/meta"), &mut problems);
    }
    Ok((package, problems))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job<'a> {
    attr: Option<String>,
    attr_path: Option<Vec<String>>,
    name: Option<String>,
    system: Option<String>,
    drv_path: Option<String>,
    error: Option<String>,
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

/// The beginning of Nix's message on one line, without the colours it may hold.
fn readable(error: &str) -> String {
    let mut text = String::new();
    let mut rest = error;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        text.push_str(before);
        // `ESC [ digits letter` sets a colour.
        rest = after
            .strip_prefix('[')
            .map_or(after, |code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        rest = rest.strip_prefix('m').unwrap_or(rest);
        if text.len() > MAX_ERROR {
            break;
        }
    }
    text.push_str(rest.get(..rest.floor_char_boundary(MAX_ERROR)).unwrap_or_default());
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    line.truncate(line.floor_char_boundary(MAX_ERROR));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_job() {
        let (package, problems) = read(
            r#"{"attr":"nodePackages.\"@x/y.z\"","attrPath":["nodePackages","@x/y.z"],"drvPath":"/nix/store/j0k77q4jk66z4ija7apbybgsmm5gpbv6-y.z-0.8.1.drv",
                "name":"y.z-0.8.1","outputs":{"out":"/nix/store/a","dev":null},"system":"x86_64-linux","meta":{"homepage":"https://x"},"neededBuilds":[]}"#,
        )
        .unwrap();
        assert_eq!(problems, []);
        assert_eq!(package.attr, "nodePackages.@x/y.z");
        assert_eq!(
            (package.pname.as_str(), package.version.as_str(), package.system.as_str()),
            ("y.z", "0.8.1", "x86_64-linux")
        );
        assert_eq!(
            package.drv_path.as_deref(),
            Some("/nix/store/j0k77q4jk66z4ija7apbybgsmm5gpbv6-y.z-0.8.1.drv")
        );
        assert_eq!(
            package.outputs,
            [("dev".to_owned(), String::new()), ("out".to_owned(), "/nix/store/a".to_owned())]
        );
        assert_eq!(package.homepages, ["https://x"]);
    }

    #[test]
    fn a_job_that_failed_is_a_problem_with_its_attribute() {
        let line = r#"{"attr":"a/b","attrPath":["a/b"],"error":"\u001b[31;1merror:\u001b[0m\n   broken   package\n at x"}"#;
        assert_eq!(read(line).unwrap_err(), Problem::new("/a~1b/error", "error: broken package at x"));
        let long = format!(r#"{{"attr":"a","error":"{}"}}"#, "é".repeat(2000));
        assert_eq!(read(&long).unwrap_err().message.len(), MAX_ERROR);
        assert_eq!(read(r#"{"attr":"a"}"#).unwrap_err(), Problem::new("/a", "no name"));
        assert!(read("").unwrap_err().message.starts_with("not a line of nix-eval-jobs"));
    }

    #[test]
    fn a_drv_path_that_is_none_is_left_out() {
        let (package, problems) = read(r#"{"attr":"a","name":"a-1","drvPath":"/etc/passwd","meta":7}"#).unwrap();
        assert_eq!(package.drv_path, None);
        assert_eq!(problems.len(), 2);
    }
}
