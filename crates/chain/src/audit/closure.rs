//! Which binaries a closure of derivations is rooted in. Pure: nothing here reads a file.
//!
//! A derivation is rooted in what nobody built in it: programs that were fetched, programs of the host, programs that somebody put into
//! the store. What is fetched is fixed by its digest, whoever fetched it; so a download does not hand on what its own builder is
//! rooted in, and the sources of a system do not make `curl` one of its roots.

use std::collections::{BTreeMap, HashMap};

use nix_model::StorePath;
use nix_model::derivation::Derivation;
use serde::Serialize;

/// What is kept of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its `.drv`.
    pub path: StorePath,
    /// Derivations it needs.
    pub inputs: Vec<StorePath>,
    /// Files it needs that are in the store already.
    pub files: Vec<StorePath>,
    /// What it makes, where that is known before.
    pub outputs: Vec<StorePath>,
    /// The program that it runs.
    pub builder: Builder,
    /// What it is if its content is fixed in advance.
    pub fixed: Option<Fixed>,
    /// What about it is impure, if anything.
    pub impure: Option<&'static str>,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builder {
    /// A part of Nix.
    Builtin(String),
    /// A file of the store or below one.
    Store(StorePath),
    /// A program of the machine that builds.
    Host(String),
}

/// A download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// `sha256:` and digits, as the derivation has it.
    pub hash: String,
    /// Where it comes from.
    pub urls: Vec<String>,
    /// Whether it is fetched as something that can be run.
    pub executable: bool,
}

/// Longest text of a derivation that is kept.
const LONGEST: usize = 400;
/// Most addresses of a download that are kept.
const MOST_URLS: usize = 4;

impl Node {
    /// From what a `.drv` file says.
    pub fn of(path: StorePath, drv: &Derivation<'_>) -> Self {
        let text = |name: &str| drv.attributes().ok().and_then(|a| a.text(name).map(|t| t.into_owned()));
        let on = |name: &str| text(name).is_some_and(|t| t == "1" || t == "true");
        let builder = drv.builder.to_str();
        let builder = match builder.strip_prefix("builtin:") {
            Some(_) => Builder::Builtin(shortened(&builder)),
            None => match StorePath::split_prefix(&builder) {
                Ok((path, _)) => Builder::Store(path),
                Err(_) => Builder::Host(shortened(&builder)),
            },
        };
        let fixed = drv.outputs.iter().find(|o| o.is_fixed()).map(|output| {
            let listed = |name: &str| {
                drv.attributes()
                    .map(|a| a.list(name).iter().map(|u| shortened(u)).collect::<Vec<_>>())
            };
            let mut urls: Vec<String> = ["urls", "url"].into_iter().flat_map(|n| listed(n).unwrap_or_default()).collect();
            urls.dedup();
            urls.truncate(MOST_URLS);
            Fixed {
                hash: shortened(&format!("{}:{}", output.hash_algo.to_str(), output.hash.to_str())),
                urls,
                executable: on("executable"),
            }
        });
        let impure = if on("__impure") || drv.outputs.iter().any(|o| o.hash == "impure") {
            Some("it is built anew each time and may use the network")
        } else if on("__noChroot") {
            Some("it asks to be built outside the sandbox")
        } else if text("__impureHostDeps").is_some_and(|t| !t.is_empty()) {
            Some("it asks for files of the machine")
        } else {
            None
        };
        Self {
            path,
            inputs: drv.input_drvs.iter().map(|i| i.path.clone()).collect(),
            files: drv.input_srcs.clone(),
            outputs: drv.outputs.iter().filter_map(|o| o.path.clone()).collect(),
            builder,
            fixed,
            impure,
        }
    }
}

/// What was found out about bytes beside derivations.
pub trait Bytes {
    /// How many bytes a path has, if that is known.
    fn size(&mut self, path: &StorePath) -> Option<u64>;
    /// Whether programs are in it, if it is there to be looked into.
    fn programs(&mut self, path: &StorePath) -> Option<bool>;
}

/// What a root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A download that is a program.
    Program,
    /// A download that holds programs.
    Archive,
    /// A file that somebody put into the store, and that is run.
    File,
    /// A program of the machine that builds.
    Host,
    /// A derivation whose result depends on more than its inputs.
    Impure,
}

/// Something that nobody built in this closure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Root {
    /// What it is.
    pub kind: Kind,
    /// Its path in the store, or on the machine.
    pub path: String,
    /// The derivation that fetches it.
    pub drv: Option<String>,
    /// Its digest, as the derivation has it.
    pub hash: Option<String>,
    /// Where it comes from.
    pub urls: Vec<String>,
    /// Its size, if it is known.
    pub bytes: Option<u64>,
    /// How we know what it is.
    pub why: String,
    /// Derivations that run it.
    pub runs: usize,
    /// Derivations that depend on it, by whatever way.
    pub dependents: usize,
}

/// A part of Nix that builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Builtin {
    /// Its name.
    pub name: String,
    /// Derivations that it carries out.
    pub runs: usize,
}

/// All that was found. JSON format 1 of `audit --drv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Of this value.
    pub format: u32,
    /// Derivations looked at.
    pub derivations: usize,
    /// Those whose content is fixed in advance.
    pub fixed: usize,
    /// Derivations of the others, which build something, that depend on at least one root.
    pub rooted: usize,
    /// What they are rooted in: the one that most depend on first.
    pub roots: Vec<Root>,
    /// Done by Nix itself.
    pub builtins: Vec<Builtin>,
    /// Derivations that are needed and not there.
    pub missing: Vec<String>,
    /// Files that cannot be read as derivations, and why.
    pub problems: Vec<String>,
}

/// Judges a closure.
pub fn judge(nodes: &[Node], bytes: &mut dyn Bytes) -> Report {
    let graph = Graph::of(nodes);
    let runs = graph.runs();
    let mut found: Vec<(Root, Vec<usize>)> = Vec::new();
    let mut hosts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut builtins: BTreeMap<&str, usize> = BTreeMap::new();
    let mut files: BTreeMap<&StorePath, Vec<usize>> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        match &node.builder {
            Builder::Builtin(name) => *builtins.entry(name).or_default() += 1,
            Builder::Host(path) => hosts.entry(path).or_default().push(at),
            Builder::Store(path) => {
                if node.files.contains(path) {
                    files.entry(path).or_default().push(at);
                }
            }
        }
        let root = |kind, why: String| Root {
            kind,
            path: node.outputs.first().unwrap_or(&node.path).to_string(),
            drv: Some(node.path.to_string()),
            hash: node.fixed.as_ref().map(|f| f.hash.clone()),
            urls: node.fixed.as_ref().map(|f| f.urls.clone()).unwrap_or_default(),
            bytes: None,
            why,
            runs: runs.get(&at).copied().unwrap_or_default(),
            dependents: 0,
        };
        if let Some((kind, why)) = node.fixed.as_ref().and_then(|f| download(node, f, runs.get(&at).copied(), bytes)) {
            found.push((root(kind, why), vec![at]));
        } else if let Some(why) = node.impure {
            found.push((root(Kind::Impure, why.to_owned()), vec![at]));
        }
    }
    let plain = |kind, path: String, why: &str, users: &[usize]| Root {
        kind,
        path,
        drv: None,
        hash: None,
        urls: Vec::new(),
        bytes: None,
        why: why.to_owned(),
        runs: users.len(),
        dependents: 0,
    };
    for (path, users) in files {
        let why = "it was put into the store as it is, and is run";
        found.push((plain(Kind::File, path.to_string(), why, &users), users));
    }
    for (path, users) in hosts {
        let why = "it is no file of the store: whatever the machine has there is run";
        found.push((plain(Kind::Host, path.to_owned(), why, &users), users));
    }
    let mut rooted = vec![false; nodes.len()];
    for (root, starts) in &mut found {
        let reached = graph.dependents(starts);
        root.dependents = reached.len();
        // What a root is fetched by does not depend on it; what runs it does.
        root.dependents -= usize::from(root.drv.is_some());
        root.bytes = root.path.parse().ok().and_then(|path| bytes.size(&path));
        for at in reached {
            if let Some(flag) = rooted.get_mut(at) {
                *flag = true;
            }
        }
    }
    let mut roots: Vec<Root> = found.into_iter().map(|(root, _)| root).collect();
    roots.sort_by(|a, b| b.dependents.cmp(&a.dependents).then_with(|| a.path.cmp(&b.path)));
    let missing: Vec<String> = graph.missing.iter().map(ToString::to_string).collect();
    Report {
        format: 1,
        derivations: nodes.len(),
        fixed: nodes.iter().filter(|n| n.fixed.is_some()).count(),
        rooted: rooted.iter().zip(nodes).filter(|(r, n)| **r && n.fixed.is_none()).count(),
        roots,
        builtins: builtins
            .into_iter()
            .map(|(name, runs)| Builtin {
                name: name.to_owned(),
                runs,
            })
            .collect(),
        missing,
        problems: Vec::new(),
    }
}

/// Whether a download is a program or holds some, and how we know.
fn download(node: &Node, fixed: &Fixed, runs: Option<usize>, bytes: &mut dyn Bytes) -> Option<(Kind, String)> {
    if let Some(runs) = runs {
        return Some((Kind::Program, format!("it is the builder of {runs} derivations")));
    }
    let there = node.outputs.first().and_then(|path| bytes.programs(path));
    match there {
        Some(true) => return Some((Kind::Archive, "there are programs in it".into())),
        Some(false) => return None,
        None => {}
    }
    if fixed.executable {
        return Some((Kind::Program, "it is fetched as a program".into()));
    }
    let names = fixed.urls.iter().map(String::as_str).chain([node.path.name()]);
    let sign = names.filter_map(binary_name).next()?;
    Some((Kind::Archive, format!("its name says so: {sign}")))
}

/// The part of a name that says that programs are in it.
fn binary_name(name: &str) -> Option<&'static str> {
    const PARTS: [&str; 17] = [
        "bootstrap-tools",
        "linux-x86_64",
        "linux-x86-64",
        "x86_64-linux",
        "linux-amd64",
        "linux_amd64",
        "linux64",
        "linux-gnu",
        "linux-musl",
        "x86_64-unknown-linux",
        "manylinux",
        "linux-x64",
        "linux-i386",
        "linux-i686",
        "linux-aarch64",
        "aarch64-linux",
        "linux-arm64",
    ];
    const WORDS: [&str; 5] = ["bin", "binary", "prebuilt", "precompiled", "static"];
    const ENDS: [&str; 10] = [".deb", ".rpm", ".appimage", ".exe", ".dmg", ".msi", ".jar", ".so", ".efi", ".wasm"];
    let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".drv").to_lowercase();
    // A patch for a platform is text.
    if [".patch", ".diff", ".patch.gz", ".diff.gz", ".sig", ".asc"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        return None;
    }
    let part = PARTS.iter().find(|p| name.contains(**p));
    let words = || WORDS.iter().find(|w| name.split(['-', '_', '.']).skip(1).any(|word| word == **w));
    part.or_else(words).or_else(|| ENDS.iter().find(|e| name.ends_with(**e))).copied()
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Nodes by number.
struct Graph<'a> {
    nodes: &'a [Node],
    /// Who makes a path.
    makers: HashMap<&'a StorePath, usize>,
    /// Who needs a node directly, for nodes that hand on what they are rooted in.
    users: Vec<Vec<usize>>,
    missing: Vec<&'a StorePath>,
}

impl<'a> Graph<'a> {
    fn of(nodes: &'a [Node]) -> Self {
        let by_path: HashMap<&StorePath, usize> = nodes.iter().enumerate().map(|(at, n)| (&n.path, at)).collect();
        let makers = nodes
            .iter()
            .enumerate()
            .flat_map(|(at, n)| n.outputs.iter().map(move |o| (o, at)))
            .collect();
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        let mut missing = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            for input in &node.inputs {
                match by_path.get(input) {
                    Some(needed) if node.fixed.is_none() => users.get_mut(*needed).into_iter().for_each(|u| u.push(at)),
                    Some(_) => {}
                    None => missing.push(input),
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        Self {
            nodes,
            makers,
            users,
            missing,
        }
    }

    /// Downloads that are run: how many derivations do so.
    fn runs(&self) -> HashMap<usize, usize> {
        let mut runs = HashMap::new();
        for node in self.nodes {
            if let Builder::Store(path) = &node.builder
                && let Some(maker) = self.makers.get(path)
                && self.nodes.get(*maker).is_some_and(|n| n.fixed.is_some())
            {
                *runs.entry(*maker).or_default() += 1;
            }
        }
        runs
    }

    /// These, and all that depend on them. A circle, which Nix cannot make, is gone round once.
    fn dependents(&self, starts: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut reached = Vec::new();
        let mut left = starts.to_vec();
        while let Some(at) = left.pop() {
            match seen.get_mut(at) {
                Some(flag) if !*flag => *flag = true,
                _ => continue,
            }
            reached.push(at);
            left.extend(self.users.get(at).into_iter().flatten());
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl Bytes for Nothing {
        fn size(&mut self, path: &StorePath) -> Option<u64> {
            (path.name() == "seed").then_some(213)
        }
        fn programs(&mut self, _: &StorePath) -> Option<bool> {
            None
        }
    }

    /// A store path with this name; names of one letter differ enough.
    fn path(name: &str) -> StorePath {
        let digit = char::from(b"0123456789abcdfghijklmnpqrsvwxyz"[name.bytes().map(usize::from).sum::<usize>() % 32]);
        format!("/nix/store/{}-{name}", digit.to_string().repeat(32)).parse().unwrap()
    }

    /// A derivation, as `.drv` files have it.
    fn node(name: &str, builder: &str, inputs: &[&str], files: &[&str], env: &[(&str, &str)], hash: &str) -> Node {
        let text = |t: &str| format!("{t:?}");
        let list = |all: Vec<String>| format!("[{}]", all.join(","));
        let algorithm = if hash.is_empty() { "" } else { "sha256" };
        let drv = format!(
            "Derive([(\"out\",{},\"{algorithm}\",\"{hash}\")],{},{},\"x86_64-linux\",{},[],{})",
            text(&path(name).to_string()),
            list(
                inputs
                    .iter()
                    .map(|i| format!("({},[\"out\"])", text(&path(&format!("{i}.drv")).to_string())))
                    .collect()
            ),
            list(files.iter().map(|f| text(&path(f).to_string())).collect()),
            text(builder),
            list(env.iter().map(|(k, v)| format!("({k:?},{v:?})")).collect()),
        );
        Node::of(path(&format!("{name}.drv")), &Derivation::parse(drv.as_bytes()).unwrap())
    }

    fn of(name: &str) -> String {
        path(name).to_string()
    }

    #[test]
    fn roots_are_what_nobody_built() {
        let hash = "ab".repeat(32);
        let busybox = of("busybox") + "/bin/sh";
        let tools = of("tools") + "/bin/bash";
        let nodes = [
            node(
                "busybox",
                "builtin:fetchurl",
                &[],
                &[],
                &[("executable", "1"), ("url", "https://x/busybox")],
                &hash,
            ),
            node(
                "t.tar.xz",
                "builtin:fetchurl",
                &[],
                &[],
                &[("urls", "https://x/bootstrap-tools.tar.xz")],
                &hash,
            ),
            node("tools", &busybox, &["busybox", "t.tar.xz"], &[], &[], ""),
            // Fetched by a program that was built, like every source: fixed all the same.
            node("src.tar.gz", &tools, &["tools"], &[], &[("url", "https://x/src.tar.gz")], &hash),
            node("program", &tools, &["tools", "src.tar.gz"], &["patch"], &[], ""),
            node("shell", "/bin/sh", &[], &[], &[], ""),
            node("wild", &tools, &["tools"], &[], &[("__noChroot", "1")], ""),
            node("unused", &(of("gone") + "/bin/x"), &["gone"], &[], &[], ""),
        ];
        let report = judge(&nodes, &mut Nothing);
        let roots: Vec<(Kind, String, usize, usize)> = report
            .roots
            .iter()
            .map(|r| (r.kind, r.path.clone(), r.runs, r.dependents))
            .collect();
        assert_eq!(
            roots,
            [
                (Kind::Archive, of("t.tar.xz"), 0, 3),
                (Kind::Program, of("busybox"), 1, 3),
                (Kind::Host, "/bin/sh".to_owned(), 1, 1),
                (Kind::Impure, of("wild"), 0, 0),
            ]
        );
        assert_eq!((report.derivations, report.fixed, report.rooted), (8, 3, 4));
        assert_eq!(
            report.builtins,
            [Builtin {
                name: "builtin:fetchurl".into(),
                runs: 2
            }]
        );
        assert_eq!(report.missing, [of("gone.drv")]);
        assert_eq!(report.roots[1].why, "it is the builder of 1 derivations");
        assert_eq!(report.roots[1].urls, ["https://x/busybox"]);
    }

    #[test]
    fn a_chain_from_a_seed_is_rooted_in_its_bytes() {
        let nodes = [
            node("hex", &of("seed"), &[], &["seed", "source"], &[], ""),
            node("asm", &(of("hex") + "/hex"), &["hex"], &["source"], &[], ""),
        ];
        let report = judge(&nodes, &mut Nothing);
        assert_eq!(
            (report.roots.len(), report.roots[0].kind, report.roots[0].bytes),
            (1, Kind::File, Some(213))
        );
        assert_eq!((report.roots[0].runs, report.roots[0].dependents, report.rooted), (1, 2, 2));
    }

    #[test]
    fn circles_and_very_long_chains_end() {
        let circle = [
            node("a", "/bin/sh", &["b"], &[], &[], ""),
            node("b", "/bin/sh", &["a", "b"], &[], &[], ""),
        ];
        let report = judge(&circle, &mut Nothing);
        assert_eq!((report.roots[0].runs, report.roots[0].dependents), (2, 2));
        let chain: Vec<Node> = (0..100_000)
            .map(|n: usize| {
                let drv = |n: usize| -> StorePath { format!("/nix/store/{n:032}-x.drv").parse().unwrap() };
                Node {
                    path: drv(n),
                    inputs: n.checked_sub(1).map(drv).into_iter().collect(),
                    files: Vec::new(),
                    outputs: Vec::new(),
                    builder: if n == 0 {
                        Builder::Host("/bin/sh".into())
                    } else {
                        Builder::Builtin("builtin:x".into())
                    },
                    fixed: None,
                    impure: None,
                }
            })
            .collect();
        assert_eq!(judge(&chain, &mut Nothing).roots[0].dependents, 100_000);
    }

    #[test]
    fn names_that_say_that_programs_are_in_it() {
        for (name, sign) in [
            (
                "https://static.rust-lang.org/dist/rust-1.44.1-x86_64-unknown-linux-gnu.tar.gz",
                Some("linux-gnu"),
            ),
            ("bootstrap-tools.tar.xz", Some("bootstrap-tools")),
            ("go-bin-1.4.tar.gz", Some("bin")),
            ("a_1.0_amd64.deb", Some(".deb")),
            ("https://x/bin/linux64/readme-1.0.tar.gz", None),
            ("binutils-2.31.1.tar.bz2", None),
            ("linux-5.5.tar.xz", None),
            ("fix-linux-gnu-target.patch", None),
        ] {
            assert_eq!(binary_name(name), sign, "{name}");
        }
    }
}
