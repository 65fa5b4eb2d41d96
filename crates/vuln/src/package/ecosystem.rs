//! Which registry or host program a package's name belongs to.
//!
//! `python38Packages.connect` is not the software that others call connect, and `tmuxPlugins.battery` is no battery. A package's
//! attribute set tells where its name comes from, and its pname carries a prefix (`python3.8-`, `vimplugin-`) that upstream
//! does not know.
//!
//! Sets that only group what is also known by the same name elsewhere (`linuxPackages`, `postgresql11Packages`, `gnome3`) are no
//! ecosystems.

mod table;

use std::borrow::Cow;
use std::fmt;

/// Where names of packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ecosystem {
    /// PyPI.
    Python,
    /// CPAN: names of distributions, `Crypt-PasswdMD5`.
    Perl,
    /// RubyGems.
    Ruby,
    /// Hackage.
    Haskell,
    /// npm, with scopes: `@babel/core`.
    Node,
    /// opam.
    Ocaml,
    /// CRAN and Bioconductor.
    R,
    /// LuaRocks.
    Lua,
    /// PECL extensions and Packagist tools, without a vendor.
    Php,
    /// NuGet.
    Dotnet,
    /// Maven artifacts, without a group.
    Java,
    /// Hex.
    Beam,
    /// crates.io. Nixpkgs has no set of crates; records about them must not meet programs of the same name.
    Rust,
    /// pub.dev, which Nixpkgs has no set of either.
    Dart,
    /// Quicklisp and other Common Lisp systems.
    CommonLisp,
    /// CHICKEN eggs and Akku packages.
    Scheme,
    /// Coq and Rocq libraries.
    Coq,
    /// Idris packages.
    Idris,
    /// Agda libraries.
    Agda,
    /// Nimble packages.
    Nim,
    /// GNU Octave packages.
    Octave,
    /// Dhall packages.
    Dhall,
    /// Haxe libraries.
    Haxe,
    /// Packages of the Pure language.
    Pure,
    /// Tcl extensions.
    Tcl,
    /// Typst Universe.
    Typst,
    /// CTAN packages of TeX Live.
    Texlive,
    /// Emacs packages.
    Emacs,
    /// Plugins for Vim and Neovim.
    Vim,
    /// Extensions of Visual Studio Code: `publisher.name`.
    VscodeExtension,
    /// Extensions of the GNOME shell.
    GnomeExtension,
    /// Plugins, themes and languages for WordPress.
    Wordpress,
    /// Terraform providers.
    Terraform,
    /// Plugins of some other program.
    Plugin,
    /// Dictionaries, fonts, pictures, grammars, tests of Nixpkgs itself: no software of their own.
    Data,
}

impl Ecosystem {
    /// All of them.
    pub const ALL: [Ecosystem; 35] = [
        Ecosystem::Python,
        Ecosystem::Perl,
        Ecosystem::Ruby,
        Ecosystem::Haskell,
        Ecosystem::Node,
        Ecosystem::Ocaml,
        Ecosystem::R,
        Ecosystem::Lua,
        Ecosystem::Php,
        Ecosystem::Dotnet,
        Ecosystem::Java,
        Ecosystem::Beam,
        Ecosystem::Rust,
        Ecosystem::Dart,
        Ecosystem::CommonLisp,
        Ecosystem::Scheme,
        Ecosystem::Coq,
        Ecosystem::Idris,
        Ecosystem::Agda,
        Ecosystem::Nim,
        Ecosystem::Octave,
        Ecosystem::Dhall,
        Ecosystem::Haxe,
        Ecosystem::Pure,
        Ecosystem::Tcl,
        Ecosystem::Typst,
        Ecosystem::Texlive,
        Ecosystem::Emacs,
        Ecosystem::Vim,
        Ecosystem::VscodeExtension,
        Ecosystem::GnomeExtension,
        Ecosystem::Wordpress,
        Ecosystem::Terraform,
        Ecosystem::Plugin,
        Ecosystem::Data,
    ];

    /// What a person calls it: `django of Python`.
    pub fn title(self) -> &'static str {
        match self {
            Ecosystem::Python => "Python",
            Ecosystem::Perl => "Perl",
            Ecosystem::Ruby => "Ruby",
            Ecosystem::Haskell => "Haskell",
            Ecosystem::Node => "Node.js",
            Ecosystem::Ocaml => "OCaml",
            Ecosystem::R => "R",
            Ecosystem::Lua => "Lua",
            Ecosystem::Php => "PHP",
            Ecosystem::Dotnet => ".NET",
            Ecosystem::Java => "Java",
            Ecosystem::Beam => "Erlang and Elixir",
            Ecosystem::Rust => "Rust",
            Ecosystem::Dart => "Dart",
            Ecosystem::CommonLisp => "Common Lisp",
            Ecosystem::Scheme => "Scheme",
            Ecosystem::Coq => "Coq",
            Ecosystem::Idris => "Idris",
            Ecosystem::Agda => "Agda",
            Ecosystem::Nim => "Nim",
            Ecosystem::Octave => "GNU Octave",
            Ecosystem::Dhall => "Dhall",
            Ecosystem::Haxe => "Haxe",
            Ecosystem::Pure => "Pure",
            Ecosystem::Tcl => "Tcl",
            Ecosystem::Typst => "Typst",
            Ecosystem::Texlive => "TeX Live",
            Ecosystem::Emacs => "Emacs",
            Ecosystem::Vim => "Vim",
            Ecosystem::VscodeExtension => "Visual Studio Code",
            Ecosystem::GnomeExtension => "the GNOME shell",
            Ecosystem::Wordpress => "WordPress",
            Ecosystem::Terraform => "Terraform",
            Ecosystem::Plugin => "another program",
            Ecosystem::Data => "a collection of data",
        }
    }

    /// The ecosystem that a package URL's type stands for.
    pub fn from_purl_type(purl_type: &str) -> Option<Self> {
        find(table::PURL_TYPES, purl_type)
    }

    /// The type of its package URLs, where it has one of its own.
    pub fn purl_type(self) -> Option<&'static str> {
        table::PURL_TYPES
            .iter()
            .find(|(_, ecosystem)| *ecosystem == self)
            .map(|(type_, _)| *type_)
    }

    /// The ecosystem of an OSV record (`package.ecosystem`, without a suffix).
    pub fn from_osv(ecosystem: &str) -> Option<Self> {
        find(table::OSV_NAMES, ecosystem)
    }

    /// The ecosystem that a registry's host belongs to (a CVE record's `collectionURL`): `pypi.org`.
    pub fn from_collection(host: &str) -> Option<Self> {
        let host = host.strip_prefix("www.").unwrap_or(host);
        find(table::HOSTS, host)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

fn find(table: &[(&str, Ecosystem)], name: &str) -> Option<Ecosystem> {
    table
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, ecosystem)| *ecosystem)
}

/// The ecosystem of a package and the name it has there; `None` for software that stands for itself.
///
/// A package inside a language's set that lacks the set's prefix is not one of the language's registry: `python38Packages.avahi`
/// is avahi, built with its bindings. A package outside the sets that carries such a prefix is an application of the language,
/// and its name is one of the registry too: `mitmproxy` has the pname `python3.7-mitmproxy`.
///
/// ```
/// use vuln::package::{Ecosystem, ecosystem};
///
/// assert_eq!(ecosystem("python38Packages.pyramid_jinja2", "python3.8-pyramid_jinja2"), Some((Ecosystem::Python, "pyramid-jinja2".to_owned())));
/// assert_eq!(ecosystem("python38Packages.avahi", "avahi"), None);
/// assert_eq!(ecosystem("git", "git"), None);
/// ```
pub fn ecosystem(attr: &str, pname: &str) -> Option<(Ecosystem, String)> {
    let path: Vec<&str> = attr.split('.').collect();
    let path = table::within_package_set(&path);
    let (leaf, sets) = path.split_last()?;
    let Some((set, inner)) = table::of_set(sets) else {
        return of_prefix(pname);
    };
    let name = match set {
        Ecosystem::VscodeExtension => match inner {
            [publisher, ..] => format!("{publisher}.{leaf}"),
            [] => (*leaf).to_owned(),
        },
        _ => match table::without_prefix(set, pname) {
            Some(name) => name.to_owned(),
            None if table::is_interpreter(set, pname) => return None,
            // `octave-7.3.0-io-2.6.4` is `octave` to Nix, and the attribute is all that names the package.
            None if table::is_cut_short(set, pname) => (*leaf).to_owned(),
            None if table::needs_prefix(set) => return of_prefix(pname),
            None => pname.to_owned(),
        },
    };
    Some((set, canonical(set, &name)))
}

/// The ecosystem of a package that only its pname tells.
fn of_prefix(pname: &str) -> Option<(Ecosystem, String)> {
    let languages = [Ecosystem::Python, Ecosystem::Perl, Ecosystem::Ruby, Ecosystem::Lua, Ecosystem::Node];
    let (ecosystem, name) = languages
        .into_iter()
        .find_map(|ecosystem| Some((ecosystem, table::without_versioned_prefix(ecosystem, pname)?)))?;
    Some((ecosystem, canonical(ecosystem, name)))
}

/// The way a registry itself writes a name.
fn canonical(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Python => {
            // PEP 503: lower case, runs of separators are one dash.
            let lower = name.to_ascii_lowercase();
            let parts: Vec<&str> = lower.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
            parts.join("-")
        }
        Ecosystem::Node => match name.strip_prefix("_at_").and_then(|rest| rest.split_once("_slash_")) {
            Some((scope, name)) => format!("@{scope}/{name}"),
            None => name.to_owned(),
        },
        Ecosystem::CommonLisp => written_out(name).into_owned(),
        _ => name.to_owned(),
    }
}

/// Names of Lisp systems hold characters that attributes spell out: `cl-glfw_dot_x_slash_test`.
fn written_out(name: &str) -> Cow<'_, str> {
    let mut name = Cow::Borrowed(name);
    for (spelt, character) in [("_dot_", "."), ("_slash_", "/"), ("_plus_", "+")] {
        if name.contains(spelt) {
            name = Cow::Owned(name.replace(spelt, character));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(attr: &str, pname: &str) -> (Ecosystem, String) {
        ecosystem(attr, pname).unwrap_or_else(|| panic!("{attr} is plain"))
    }

    #[test]
    fn language_sets_give_the_name_that_upstream_knows() {
        let cases = [
            (
                "python27Packages.pymysqlsa",
                "python2.7-pymysql-sa",
                Ecosystem::Python,
                "pymysql-sa",
            ),
            ("python3Packages.Zope_x.y", "python3.13-zope.x__y", Ecosystem::Python, "zope-x-y"),
            ("pkgsRocm.python3Packages.torch", "python3.13-torch", Ecosystem::Python, "torch"),
            ("python3.pkgs.django", "python3.8-Django", Ecosystem::Python, "django"),
            (
                "perl530Packages.CryptPasswdMD5",
                "perl5.30.3-Crypt-PasswdMD5",
                Ecosystem::Perl,
                "Crypt-PasswdMD5",
            ),
            ("rubyPackages_2_5.RubyInline", "ruby2.5.8-RubyInline", Ecosystem::Ruby, "RubyInline"),
            ("rubyPackages.nokogiri", "ruby3.3-nokogiri", Ecosystem::Ruby, "nokogiri"),
            ("haskellPackages.index-core", "index-core", Ecosystem::Haskell, "index-core"),
            ("haskell.packages.ghc92.aeson", "aeson", Ecosystem::Haskell, "aeson"),
            ("rPackages.gbRd", "r-gbRd", Ecosystem::R, "gbRd"),
            (
                "nodePackages_latest.mermaid-cli",
                "_at_mermaid-js_slash_mermaid-cli",
                Ecosystem::Node,
                "@mermaid-js/mermaid-cli",
            ),
            ("nodePackages.parcel", "parcel", Ecosystem::Node, "parcel"),
            ("ocamlPackages.lambdasoup", "ocaml4.10.0-lambdasoup", Ecosystem::Ocaml, "lambdasoup"),
            ("ocamlPackages.calendar", "ocaml-calendar", Ecosystem::Ocaml, "calendar"),
            ("ocamlPackages.camlzip", "camlzip", Ecosystem::Ocaml, "camlzip"),
            ("lua53Packages.luaossl", "lua5.3-luaossl", Ecosystem::Lua, "luaossl"),
            ("luajitPackages.alt-getopt", "luajit", Ecosystem::Lua, "alt-getopt"),
            ("luajitPackages.alt-getopt", "luajit2.1-alt-getopt", Ecosystem::Lua, "alt-getopt"),
            ("octavePackages.io", "octave", Ecosystem::Octave, "io"),
            ("octavePackages.io", "octave-7.3.0-io", Ecosystem::Octave, "io"),
            ("php74Extensions.apcu", "php-apcu", Ecosystem::Php, "apcu"),
            ("emacsPackages.easy-escape", "emacs-easy-escape", Ecosystem::Emacs, "easy-escape"),
            ("vimPlugins.a-vim", "vimplugin-a-vim", Ecosystem::Vim, "a-vim"),
            ("vimPlugins.gitsigns-nvim", "lua5.1-gitsigns.nvim", Ecosystem::Vim, "gitsigns.nvim"),
            ("coqPackages.flocq", "coq8.9-flocq", Ecosystem::Coq, "flocq"),
            ("coqPackages.stdpp", "rocq-core9.0-stdpp", Ecosystem::Coq, "stdpp"),
            (
                "lispPackages_new.sbclPackages.fiveam_slash_test",
                "fiveam_slash_test",
                Ecosystem::CommonLisp,
                "fiveam/test",
            ),
            ("chickenPackages_5.chickenEggs.r7rs", "chicken-r7rs", Ecosystem::Scheme, "r7rs"),
            (
                "dotnetCorePackages.dotnet_9.packages.Microsoft-NETCore-App-Ref",
                "Microsoft.NETCore.App.Ref",
                Ecosystem::Dotnet,
                "Microsoft.NETCore.App.Ref",
            ),
            (
                "vscode-extensions.ms-python.python",
                "vscode-extension-ms-python-python",
                Ecosystem::VscodeExtension,
                "ms-python.python",
            ),
            (
                "gnomeExtensions.gsconnect",
                "gnome-shell-extension-gsconnect",
                Ecosystem::GnomeExtension,
                "gsconnect",
            ),
            (
                "wordpressPackages.plugins.antispam-bee",
                "wordpress-plugin-antispam-bee",
                Ecosystem::Wordpress,
                "antispam-bee",
            ),
            ("texlive.pkgs.curves", "curves", Ecosystem::Texlive, "curves"),
            (
                "terraform-providers.hashicorp_archive",
                "terraform-provider-archive",
                Ecosystem::Terraform,
                "archive",
            ),
            ("tmuxPlugins.battery", "tmuxplugin-battery", Ecosystem::Plugin, "battery"),
            (
                "hunspellDicts.cs-cz",
                "hunspell-dict-cs-cz-libreoffice",
                Ecosystem::Data,
                "hunspell-dict-cs-cz-libreoffice",
            ),
            ("tests.fetchzip.simple", "source-salted-x", Ecosystem::Data, "source-salted-x"),
        ];
        for (attr, pname, ecosystem, name) in cases {
            assert_eq!(named(attr, pname), (ecosystem, name.to_owned()), "{attr}");
        }
    }

    #[test]
    fn records_say_ecosystems_in_their_own_words() {
        assert_eq!(Ecosystem::from_purl_type("pypi"), Some(Ecosystem::Python));
        assert_eq!(Ecosystem::from_osv("RubyGems"), Some(Ecosystem::Ruby));
        assert_eq!(Ecosystem::from_osv("crates.io"), Some(Ecosystem::Rust));
        assert_eq!(Ecosystem::from_collection("registry.npmjs.org"), Some(Ecosystem::Node));
        assert_eq!(Ecosystem::from_collection("www.npmjs.com"), Some(Ecosystem::Node));
        // Go modules are their repositories, and Bitnami packages are programs.
        assert_eq!((Ecosystem::from_osv("Go"), Ecosystem::from_osv("Bitnami")), (None, None));
        assert_eq!(Ecosystem::from_collection("github.com"), None);
    }

    #[test]
    fn applications_of_a_language_are_known_by_their_prefix() {
        assert_eq!(
            named("mitmproxy", "python3.7-mitmproxy"),
            (Ecosystem::Python, "mitmproxy".to_owned())
        );
        assert_eq!(
            named("spamassassin", "perl5.30.3-SpamAssassin"),
            (Ecosystem::Perl, "SpamAssassin".to_owned())
        );
        assert_eq!(
            named("antora", "node__at_antora_slash_cli"),
            (Ecosystem::Node, "@antora/cli".to_owned())
        );
        assert_eq!(
            named("shepherd", "_at_nerdwallet_slash_shepherd"),
            (Ecosystem::Node, "@nerdwallet/shepherd".to_owned())
        );
        assert_eq!(
            named("buildbot-plugins.www", "python3.13-buildbot_www"),
            (Ecosystem::Python, "buildbot-www".to_owned())
        );
    }

    #[test]
    fn software_that_stands_for_itself_is_plain() {
        let plain = [
            ("git", "git"),
            ("gnome3.gedit", "gedit"),
            ("kdeApplications.okular", "okular"),
            ("xorg.libX11", "libX11"),
            ("python38Packages.avahi", "avahi"),
            ("python38Packages.python", "python3"),
            ("python3", "python3"),
            ("perl530Packages.perl", "perl"),
            ("lua53Packages.lua", "lua"),
            ("rPackages.VGAM", "gmp"),
            ("emacsPackages.emacs", "emacs"),
            ("coqPackages.coq", "coq"),
            ("ocamlPackages.ocaml", "ocaml"),
            ("haskell.compiler.ghc92", "ghc"),
            ("beam26Packages.elixir_1_17", "elixir"),
            ("dotnetCorePackages.sdk_3_1", "dotnet-sdk"),
            ("javaPackages.compiler.openjdk17", "openjdk"),
            // Groups of software that is known by the same name elsewhere.
            ("linuxPackages.kernel", "linux"),
            ("linuxPackages_hardkernel_4_14.wireguard", "wireguard"),
            ("linuxKernel.packages.linux_6_6.zfs_2_3", "zfs-kernel"),
            ("postgresql11Packages.postgis", "postgis"),
            ("prometheus-node-exporter", "node_exporter"),
            ("emacs25", "emacs"),
            ("texlive.combined.scheme-full", "texlive-combined-full"),
            ("gst_all_1.gst-plugins-bad", "gst-plugins-bad"),
            ("", ""),
            (".", ""),
            ("python3Packages.", "python3.8-"),
        ];
        for (attr, pname) in plain {
            assert_eq!(ecosystem(attr, pname), None, "{attr}");
        }
    }
}
