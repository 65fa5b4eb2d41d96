//! The attribute sets of Nixpkgs and their ecosystems, collected from the package sets of 2020, 2023 and 2026, and the prefixes
//! that each ecosystem puts before its packages' names.

use super::Ecosystem::{self, *};

/// Sets by the first name of an attribute path, written without digits: `python38Packages` and `python3Packages` are
/// `pythonPackages` here, `rubyPackages_2_5` is `rubyPackages`.
const SETS: &[(&str, Ecosystem)] = &[
    ("pythonPackages", Python),
    ("pypyPackages", Python),
    ("perlPackages", Perl),
    ("rubyPackages", Ruby),
    ("haskellPackages", Haskell),
    ("nodePackages", Node),
    ("nodePackages_latest", Node),
    ("ocamlPackages", Ocaml),
    ("ocamlPackages_latest", Ocaml),
    ("rPackages", R),
    ("luaPackages", Lua),
    ("luajitPackages", Lua),
    ("phpPackages", Php),
    ("phpExtensions", Php),
    ("dotnetPackages", Dotnet),
    ("javaPackages", Java),
    ("beamPackages", Beam),
    ("beamMinimalPackages", Beam),
    ("lispPackages", CommonLisp),
    ("lispPackages_new", CommonLisp),
    ("sbclPackages", CommonLisp),
    ("quicklispPackages", CommonLisp),
    ("quicklispPackagesClisp", CommonLisp),
    ("quicklispPackagesSBCL", CommonLisp),
    ("akkuPackages", Scheme),
    ("chickenPackages", Scheme),
    ("coqPackages", Coq),
    ("rocqPackages", Coq),
    ("idrisPackages", Idris),
    ("agdaPackages", Agda),
    ("nimPackages", Nim),
    ("octavePackages", Octave),
    ("dhallPackages", Dhall),
    ("haxePackages", Haxe),
    ("purePackages", Pure),
    ("tclPackages", Tcl),
    ("typstPackages", Typst),
    ("texlivePackages", Texlive),
    ("emacsPackages", Emacs),
    ("vimPlugins", Vim),
    ("vscode-extensions", VscodeExtension),
    ("gnomeExtensions", GnomeExtension),
    ("wordpressPackages", Wordpress),
    ("terraform-providers", Terraform),
    ("ankiAddons", Plugin),
    ("azure-cli-extensions", Plugin),
    ("curaPlugins", Plugin),
    ("cutterPlugins", Plugin),
    ("deadbeefPlugins", Plugin),
    ("discoursePlugins", Plugin),
    ("dprint-plugins", Plugin),
    ("elasticsearchPlugins", Plugin),
    ("emiluaPlugins", Plugin),
    ("fishPlugins", Plugin),
    ("freshrss-extensions", Plugin),
    ("gaugePlugins", Plugin),
    ("ghidra-extensions", Plugin),
    ("gimpPlugins", Plugin),
    ("grafanaPlugins", Plugin),
    ("graylogPlugins", Plugin),
    ("gsignondPlugins", Plugin),
    ("home-assistant-custom-components", Plugin),
    ("home-assistant-custom-lovelace-modules", Plugin),
    ("hyprlandPlugins", Plugin),
    ("icingawebModules", Plugin),
    ("inkscape-extensions", Plugin),
    ("interception-tools-plugins", Plugin),
    ("jenkinsPlugins", Plugin),
    ("kakounePlugins", Plugin),
    ("kicadAddons", Plugin),
    ("kodiPackages", Plugin),
    ("kodiPlugins", Plugin),
    ("kubernetes-helmPlugins", Plugin),
    ("mpvScripts", Plugin),
    ("nushellPlugins", Plugin),
    ("obs-studio-plugins", Plugin),
    ("passExtensions", Plugin),
    ("pidginPackages", Plugin),
    ("reposilitePlugins", Plugin),
    ("roundcubePlugins", Plugin),
    ("rxvt-unicode-plugins", Plugin),
    ("steampipePackages", Plugin),
    ("supercolliderPlugins", Plugin),
    ("tflint-plugins", Plugin),
    ("tmuxPlugins", Plugin),
    ("vdrPlugins", Plugin),
    ("wayfirePlugins", Plugin),
    ("weechatScripts", Plugin),
    ("yaziPlugins", Plugin),
    ("zncModules", Plugin),
    ("aspellDicts", Data),
    ("dictdDBs", Data),
    ("fedora-backgrounds", Data),
    ("home-assistant-component-tests", Data),
    ("hspellDicts", Data),
    ("hunspellDicts", Data),
    ("hunspellDictsChromium", Data),
    ("hyphenDicts", Data),
    ("iosevka-comfy", Data),
    ("jsonSchemaCatalogs", Data),
    ("lohit-fonts", Data),
    ("maple-mono", Data),
    ("mplus-outline-fonts", Data),
    ("nerd-fonts", Data),
    ("nixos-artwork", Data),
    ("nltk-data", Data),
    ("openlilylib-fonts", Data),
    ("pythonDocs", Data),
    ("skkDictionaries", Data),
    ("tests", Data),
    ("tex-gyre", Data),
    ("tex-gyre-math", Data),
    ("translatelocally-models", Data),
    ("tree-sitter-grammars", Data),
    ("valeStyles", Data),
];

/// Types of package URLs.
pub(super) const PURL_TYPES: &[(&str, Ecosystem)] = &[
    ("pypi", Python),
    ("cpan", Perl),
    ("gem", Ruby),
    ("hackage", Haskell),
    ("npm", Node),
    ("opam", Ocaml),
    ("cran", R),
    ("luarocks", Lua),
    ("composer", Php),
    ("nuget", Dotnet),
    ("maven", Java),
    ("hex", Beam),
    ("cargo", Rust),
    ("pub", Dart),
    ("vscode-extension", VscodeExtension),
];

/// Names of ecosystems in OSV records.
pub(super) const OSV_NAMES: &[(&str, Ecosystem)] = &[
    ("PyPI", Python),
    ("RubyGems", Ruby),
    ("Hackage", Haskell),
    ("npm", Node),
    ("opam", Ocaml),
    ("CRAN", R),
    ("Bioconductor", R),
    ("Packagist", Php),
    ("NuGet", Dotnet),
    ("Maven", Java),
    ("Hex", Beam),
    ("crates.io", Rust),
    ("Pub", Dart),
    ("VSCode", VscodeExtension),
];

/// Hosts of registries, without `www.`.
pub(super) const HOSTS: &[(&str, Ecosystem)] = &[
    ("pypi.org", Python),
    ("pypi.python.org", Python),
    ("files.pythonhosted.org", Python),
    ("cpan.org", Perl),
    ("metacpan.org", Perl),
    ("search.cpan.org", Perl),
    ("rubygems.org", Ruby),
    ("hackage.haskell.org", Haskell),
    ("npmjs.com", Node),
    ("npmjs.org", Node),
    ("registry.npmjs.org", Node),
    ("opam.ocaml.org", Ocaml),
    ("cran.r-project.org", R),
    ("bioconductor.org", R),
    ("luarocks.org", Lua),
    ("packagist.org", Php),
    ("repo.packagist.org", Php),
    ("pecl.php.net", Php),
    ("nuget.org", Dotnet),
    ("api.nuget.org", Dotnet),
    ("repo.maven.apache.org", Java),
    ("repo1.maven.org", Java),
    ("maven.apache.org", Java),
    ("search.maven.org", Java),
    ("central.sonatype.com", Java),
    ("mvnrepository.com", Java),
    ("plugins.gradle.org", Java),
    ("hex.pm", Beam),
    ("repo.hex.pm", Beam),
    ("crates.io", Rust),
    ("lib.rs", Rust),
    ("pub.dev", Dart),
    ("ctan.org", Texlive),
    ("elpa.gnu.org", Emacs),
    ("melpa.org", Emacs),
    ("marketplace.visualstudio.com", VscodeExtension),
    ("open-vsx.org", VscodeExtension),
    ("extensions.gnome.org", GnomeExtension),
    ("wordpress.org", Wordpress),
    ("plugins.jenkins.io", Plugin),
];

/// The path within the package set: `pkgsRocm.python3Packages.torch` is what `python3Packages.torch` is, for another platform.
pub(super) fn within_package_set<'p, 'a>(path: &'p [&'a str]) -> &'p [&'a str] {
    match path {
        ["pkgsCross", _, rest @ ..] => rest,
        [first, rest @ ..] if first.starts_with("pkgs") && !rest.is_empty() => rest,
        _ => path,
    }
}

/// The ecosystem of a set, and the sets inside it that lead to the package.
pub(super) fn of_set<'p, 'a>(sets: &'p [&'a str]) -> Option<(Ecosystem, &'p [&'a str])> {
    let (first, inner) = sets.split_first()?;
    // Sets that hold an ecosystem's packages deeper down, or beside other things.
    match (*first, inner) {
        ("haskell", ["packages", _, ..]) => return Some((Haskell, &[])),
        ("ocaml-ng", [_, ..]) => return Some((Ocaml, &[])),
        ("dotnetCorePackages", [.., "packages"]) => return Some((Dotnet, &[])),
        ("texlive", ["pkgs", ..]) => return Some((Texlive, &[])),
        ("beam" | "beam_minimal", ["packages", ..]) => return Some((Beam, &[])),
        // The kits themselves are no artifacts.
        ("javaPackages", ["compiler", ..]) => return None,
        _ => {}
    }
    let plain = without_digits(first);
    // An interpreter carries its packages: `python3.pkgs.django`.
    let plain = match (plain.as_str(), inner) {
        ("python" | "pypy" | "perl" | "lua" | "luajit" | "ruby", ["pkgs" | "gems", ..]) => format!("{plain}Packages"),
        ("php", ["packages", ..]) => "phpPackages".to_owned(),
        ("php", ["extensions", ..]) => "phpExtensions".to_owned(),
        ("emacs", ["pkgs", ..]) => "emacsPackages".to_owned(),
        _ => plain,
    };
    SETS.iter().find(|(set, _)| *set == plain).map(|(_, ecosystem)| (*ecosystem, inner))
}

/// A set's name without the version in it.
fn without_digits(set: &str) -> String {
    let mut name: String = set.chars().filter(|c| !c.is_ascii_digit()).collect();
    while name.ends_with('_') {
        name.pop();
    }
    name
}

/// Whether packages of the set without its prefix are something else than packages of the registry.
pub(super) fn needs_prefix(ecosystem: Ecosystem) -> bool {
    matches!(ecosystem, Python | Perl | Ruby | R | Lua | Emacs)
}

/// Whether a member of a set is the language itself.
pub(super) fn is_interpreter(ecosystem: Ecosystem, pname: &str) -> bool {
    match ecosystem {
        Coq => matches!(pname, "coq" | "rocq-core"),
        Ocaml => pname == "ocaml",
        Beam => pname == "elixir" || pname.starts_with("erlang"),
        Java => pname.starts_with("openjfx"),
        _ => false,
    }
}

/// Whether Nix's way of splitting names takes a version in a set's prefix for the package's own.
pub(super) fn is_cut_short(ecosystem: Ecosystem, pname: &str) -> bool {
    matches!(
        (ecosystem, pname),
        (Lua, "luajit") | (Octave, "octave") | (VscodeExtension, "vscode-extension")
    )
}

/// What follows the prefix that packages of a set have; `None` where a pname has none.
pub(super) fn without_prefix(ecosystem: Ecosystem, pname: &str) -> Option<&str> {
    if let Some(name) = without_versioned_prefix(ecosystem, pname) {
        return Some(name);
    }
    let prefixes: &[&str] = match ecosystem {
        R => &["r-"],
        Php => &["php-"],
        Ocaml => &["ocaml-"],
        CommonLisp => &["lisp-", "sbcl-"],
        Scheme => &["chicken-", "akku-"],
        Idris => &["idris-"],
        Pure => &["pure-"],
        Typst => &["typst-package-"],
        Emacs => &["emacs-"],
        Vim => &["vimplugin-"],
        GnomeExtension => &["gnome-shell-extension-", "gnome-shell-"],
        Wordpress => &["wordpress-plugin-", "wordpress-theme-", "wordpress-language-"],
        Terraform => &["terraform-provider-"],
        Plugin => PLUGIN_PREFIXES,
        _ => &[],
    };
    prefixes
        .iter()
        .find_map(|prefix| pname.strip_prefix(prefix))
        .filter(|name| !name.is_empty())
}

const PLUGIN_PREFIXES: &[&str] = &[
    "anki-addon-",
    "deadbeef-",
    "elasticsearch-",
    "fishplugin-",
    "freshrss-extension-",
    "gauge-plugin-",
    "gimp-plugin-",
    "graylog-",
    "kakplugin-",
    "kicadaddon-",
    "kodi-plugin-",
    "kodi-",
    "nu_plugin_",
    "roundcube-plugin-",
    "steampipe-plugin-",
    "tflint-ruleset-",
    "tmuxplugin-",
    "vdr-",
    "znc-",
];

/// What follows a prefix that names a language and its version, so that it cannot be part of a name: `python3.8-`.
pub(super) fn without_versioned_prefix(ecosystem: Ecosystem, pname: &str) -> Option<&str> {
    let after = |language: &str| {
        let rest = pname.strip_prefix(language)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (version, rest) = rest.split_at(end);
        rest.strip_prefix('-').filter(|_| version.contains('.'))
    };
    let name = match ecosystem {
        Python => after("python").or_else(|| after("pypy")),
        Perl => after("perl"),
        Ruby => after("ruby"),
        // A plugin of Neovim may be a rock, a component of Home Assistant a module.
        Vim => after("lua"),
        Plugin => after("python").or_else(|| after("lua")),
        Lua => after("lua").or_else(|| after("luajit")),
        Ocaml => after("ocaml"),
        Coq => after("coq").or_else(|| after("rocq-core")),
        Octave => after("octave-"),
        Beam => after("erlang"),
        // node2nix named packages so until 2021; node_exporter has nothing to do with it.
        Node => pname
            .strip_prefix("node_")
            .filter(|name| *name != "exporter")
            .or_else(|| pname.starts_with("_at_").then_some(pname)),
        _ => None,
    };
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_given_once() {
        let mut names: Vec<_> = SETS.iter().map(|(set, _)| *set).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETS.len());
    }

    #[test]
    fn versions_of_sets_are_left_out() {
        for set in ["python38Packages", "python3Packages", "python313Packages"] {
            assert_eq!(without_digits(set), "pythonPackages");
        }
        assert_eq!(without_digits("rubyPackages_2_5"), "rubyPackages");
        assert_eq!(without_digits("chickenPackages_4"), "chickenPackages");
        assert_eq!(without_digits("icingaweb2Modules"), "icingawebModules");
    }
}
