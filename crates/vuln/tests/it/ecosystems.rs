//! Each kind of package that Nixpkgs has, with a record that is about one and a record of that name which is not.

use serde_json::{Value, json};
use vuln::advisory::Advisory;
use vuln::matching::{FactsBuilder, PackageIndex, ProfilesBuilder, Vulnerability, candidates};
use vuln::package::Package;
use vuln::record::{cve, nvd, osv};

/// Before 2.0, by NVD. `product` is `vendor:product`, with the target software behind a third colon.
fn by_nvd(product: &str, description: &str) -> Advisory {
    let mut parts = product.split(':');
    let mut next = || parts.next().unwrap_or("*");
    let (vendor, name, target) = (next(), next(), next());
    let criterion = json!({
        "vulnerable": true, "versionEndExcluding": "2.0", "matchCriteriaId": "00000000-0000-0000-0000-000000000000",
        "criteria": format!("cpe:2.3:a:{vendor}:{name}:*:*:*:*:*:{target}:*:*"),
    });
    let entry = json!({
        "id": "CVE-2024-0001", "published": "2024-05-01T00:00:00.000", "vulnStatus": "Analyzed",
        "descriptions": [{"lang": "en", "value": description}],
        "configurations": [{"nodes": [{"operator": "OR", "negate": false, "cpeMatch": [criterion]}]}],
    });
    nvd::parse_entry(json!({"cve": entry}).to_string().as_bytes()).unwrap().0
}

/// Before 2.0, by the database of a language.
fn by_osv(ecosystem: &str, name: &str) -> Advisory {
    let range = json!({"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]});
    let record = json!({
        "id": "GHSA-xxxx-xxxx-xxxx", "aliases": ["CVE-2024-0001"], "published": "2024-05-01T00:00:00Z", "modified": "2024-05-01T00:00:00Z",
        "details": "A fault.", "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": [range]}],
    });
    osv::parse(record.to_string().as_bytes()).unwrap().0
}

/// Before 2.0, by a CNA, with what `more` says about the product.
fn by_cna(vendor: &str, product: &str, more: Value) -> Advisory {
    let mut affected = json!({
        "vendor": vendor, "product": product,
        "versions": [{"version": "0", "lessThan": "2.0", "status": "affected", "versionType": "custom"}],
    });
    affected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let references = affected["repo"]
        .as_str()
        .map(|url| json!([{"url": url}]))
        .unwrap_or_else(|| json!([]));
    let record = json!({
        "dataType": "CVE_RECORD", "dataVersion": "5.1",
        "cveMetadata": {"cveId": "CVE-2024-0001", "state": "PUBLISHED", "datePublished": "2024-05-01T00:00:00Z"},
        "containers": {"cna": {
            "providerMetadata": {"shortName": "cna"}, "affected": [affected], "references": references,
            "descriptions": [{"lang": "en", "value": format!("A fault in {product} before 2.0.")}],
        }},
    });
    cve::parse(record.to_string().as_bytes()).unwrap().0
}

fn repository(url: &str) -> Value {
    json!({ "repo": url })
}

/// A package of version 1.0: attribute, pname, homepage.
fn package((attr, pname, homepage): (&str, &str, &str)) -> Package {
    Package {
        attr: attr.into(),
        pname: pname.into(),
        version: "1.0".into(),
        homepages: vec![homepage.into()],
        ..Package::default()
    }
}

fn is_matched(record: Advisory, package: Package) -> bool {
    let (records, mut profiles, mut facts) = ([record], ProfilesBuilder::default(), FactsBuilder::default());
    profiles.add(&records[0]);
    facts.add(&package);
    let index = PackageIndex::new(vec![package], &facts.finish());
    let vulnerability = Vulnerability {
        id: "CVE-2024-0001",
        advisories: &records,
    };
    !candidates(vulnerability, &index, &profiles.finish()).matches.is_empty()
}

type Row<'a> = (Advisory, (&'a str, &'a str, &'a str));

#[test]
fn records_meet_the_packages_that_they_are_about() {
    let cpan = json!({"packageName": "Archive-Zip", "collectionURL": "https://cpan.org/modules"});
    let rows: Vec<Row<'_>> = vec![
        (
            by_osv("PyPI", "requests"),
            ("python3Packages.requests", "python3.8-requests", "https://requests.readthedocs.io"),
        ),
        (
            by_cna("PHRED", "Archive-Zip", cpan),
            (
                "perlPackages.ArchiveZip",
                "perl5.30.3-Archive-Zip",
                "https://metacpan.org/release/Archive-Zip",
            ),
        ),
        (
            by_osv("RubyGems", "rack"),
            ("rubyPackages.rack", "ruby2.6.6-rack", "https://rack.github.io/"),
        ),
        (
            by_osv("Hackage", "aeson"),
            ("haskellPackages.aeson", "aeson", "https://github.com/bos/aeson"),
        ),
        (
            by_osv("opam", "cohttp"),
            (
                "ocamlPackages.cohttp",
                "ocaml4.10.0-cohttp",
                "https://github.com/mirage/ocaml-cohttp",
            ),
        ),
        (by_osv("npm", "lodash"), ("nodePackages.lodash", "lodash", "https://lodash.com/")),
        (
            by_osv("npm", "@vue/cli"),
            ("nodePackages.\"@vue/cli\"", "_at_vue_slash_cli", "https://cli.vuejs.org/"),
        ),
        (
            by_osv("Go", "github.com/gogs/gogs"),
            ("gogs", "gogs", "https://github.com/gogs/gogs"),
        ),
        (
            by_osv("CRAN", "commonmark"),
            (
                "rPackages.commonmark",
                "r-commonmark",
                "https://cran.r-project.org/package=commonmark",
            ),
        ),
        (
            by_osv("Hex", "cowboy"),
            ("beamPackages.cowboy", "cowboy", "https://hex.pm/packages/cowboy"),
        ),
        (
            by_cna("lunarmodules", "luasocket", repository("https://github.com/lunarmodules/luasocket")),
            (
                "luaPackages.luasocket",
                "lua5.2-luasocket",
                "https://github.com/lunarmodules/luasocket",
            ),
        ),
        (
            by_cna("magit", "magit", repository("https://github.com/magit/magit")),
            ("emacsPackages.magit", "emacs-magit", "https://github.com/magit/magit"),
        ),
        (
            by_cna("preservim", "nerdtree", repository("https://github.com/preservim/nerdtree")),
            ("vimPlugins.nerdtree", "vimplugin-nerdtree", "https://github.com/preservim/nerdtree"),
        ),
        (
            by_nvd("gnome:evolution", "Evolution before 2.0 shows mail."),
            ("gnome3.evolution", "evolution", "https://wiki.gnome.org/Apps/Evolution"),
        ),
        (
            by_nvd("kde:ark", "Ark before 2.0 opens archives."),
            ("kdePackages.ark", "ark", "https://apps.kde.org/ark/"),
        ),
        (
            by_cna(
                "home-sweet-gnome",
                "dash-to-panel",
                repository("https://github.com/home-sweet-gnome/dash-to-panel"),
            ),
            (
                "gnomeExtensions.dash-to-panel",
                "gnome-shell-dash-to-panel",
                "https://github.com/home-sweet-gnome/dash-to-panel",
            ),
        ),
        (
            by_cna("umlaeute", "v4l2loopback", repository("https://github.com/umlaeute/v4l2loopback")),
            (
                "linuxPackages.v4l2loopback",
                "v4l2loopback",
                "https://github.com/umlaeute/v4l2loopback",
            ),
        ),
        (
            by_nvd("linux:linux_kernel", "The Linux kernel before 2.0 has a fault."),
            ("linuxPackages_5_4.kernel", "linux", "https://www.kernel.org/"),
        ),
        (
            by_nvd("google:chrome", "Google Chrome before 2.0 has a fault."),
            ("chromium", "chromium", "https://www.chromium.org/"),
        ),
        (
            by_nvd("webkitgtk:webkitgtk", "WebKitGTK before 2.0 has a fault."),
            ("webkitgtk", "webkitgtk", "https://webkitgtk.org/"),
        ),
        (
            by_nvd("qt:qtwebengine", "QtWebEngine before 2.0 has a fault."),
            ("qt5.qtwebengine", "qtwebengine", "https://www.qt.io/"),
        ),
        (
            by_nvd("php:imagick", "The imagick extension before 2.0 has a fault."),
            ("php73Extensions.imagick", "php-imagick", "https://pecl.php.net/package/imagick"),
        ),
        (
            by_nvd("postgis:postgis", "PostGIS before 2.0 has a fault."),
            ("postgresql11Packages.postgis", "postgis", "https://postgis.net/"),
        ),
        (
            by_cna("sharkdp", "bat", repository("https://github.com/sharkdp/bat")),
            ("bat", "bat", "https://github.com/sharkdp/bat"),
        ),
    ];
    let missed: Vec<&str> = rows
        .into_iter()
        .filter_map(|(record, of)| (!is_matched(record, package(of))).then_some(of.0))
        .collect();
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn records_do_not_meet_others_of_the_same_name() {
    let rows: Vec<Row<'_>> = vec![
        (by_osv("PyPI", "libxml2"), ("libxml2", "libxml2", "http://xmlsoft.org/")),
        (by_osv("npm", "tar"), ("gnutar", "tar", "https://www.gnu.org/software/tar/")),
        (by_osv("RubyGems", "rack"), ("rack", "rack", "https://www.bitmath.org/rack")),
        (by_osv("crates.io", "time"), ("time", "time", "https://www.gnu.org/software/time/")),
        (by_osv("Hackage", "zip"), ("zip", "zip", "http://www.info-zip.org")),
        (
            by_osv("opam", "ssl"),
            ("python3Packages.ssl", "python3.8-ssl", "https://pypi.org/project/ssl/"),
        ),
        (
            by_osv("Go", "github.com/other/gogs"),
            ("gogs", "gogs", "https://github.com/gogs/gogs"),
        ),
        (by_osv("CRAN", "curl"), ("curl", "curl", "https://curl.haxx.se/")),
        (by_osv("Hex", "cowboy"), ("cowboy", "cowboy", "https://example.org/cowboy")),
        (
            by_nvd("haxx:curl", "curl before 2.0 has a fault."),
            ("rPackages.curl", "r-curl", "https://cran.r-project.org/package=curl"),
        ),
        (
            by_nvd("lua:lua", "Lua before 2.0 has a fault."),
            (
                "luaPackages.luasocket",
                "lua5.2-luasocket",
                "http://w3.impa.br/~diego/software/luasocket/",
            ),
        ),
        (
            by_nvd("git-scm:git", "Git before 2.0 has a fault."),
            ("emacsPackages.git", "emacs-git", "https://github.com/rejeep/git.el"),
        ),
        (
            by_nvd("fzf_project:fzf", "fzf before 2.0 finds files."),
            ("vimPlugins.fzf-vim", "vimplugin-fzf.vim", "https://github.com/junegunn/fzf.vim"),
        ),
        (
            by_nvd("vim:vim", "Vim before 2.0 has a fault."),
            ("vimPlugins.vim-nix", "vimplugin-vim-nix", "https://github.com/LnL7/vim-nix"),
        ),
        (
            by_nvd("gnome:gnome-shell", "GNOME Shell before 2.0 has a fault."),
            (
                "gnomeExtensions.appindicator",
                "gnome-shell-extension-appindicator",
                "https://github.com/ubuntu/gnome-shell-extension-appindicator",
            ),
        ),
        (
            by_nvd(
                "kate_project:kate:wordpress",
                "The Kate plugin before 2.0 for WordPress has a fault.",
            ),
            ("kdePackages.kate", "kate", "https://apps.kde.org/kate/"),
        ),
        (
            by_nvd("listings_project:listings", "Listings before 2.0 shows houses for sale."),
            ("texlivePackages.listings", "listings", "https://ctan.org/pkg/listings"),
        ),
        (
            by_nvd("interval_project:interval", "Interval before 2.0 plans meetings."),
            (
                "coqPackages.interval",
                "coq8.11-interval",
                "https://gitlab.inria.fr/coqinterval/interval",
            ),
        ),
        (
            by_nvd("json_project:json", "json before 2.0 has a fault."),
            ("akkuPackages.json", "akku-json", "https://akkuscm.org/packages/json"),
        ),
        (
            by_nvd("linux:linux_kernel", "The Linux kernel before 2.0 has a fault."),
            (
                "linuxPackages.v4l2loopback",
                "v4l2loopback",
                "https://github.com/umlaeute/v4l2loopback",
            ),
        ),
        (
            by_nvd("google:chrome", "Google Chrome before 2.0 has a fault."),
            (
                "chrome-gnome-shell",
                "chrome-gnome-shell",
                "https://wiki.gnome.org/Projects/GnomeShellIntegrationForChrome",
            ),
        ),
        (
            by_nvd("webkit:webkit", "WebKit before 2.0 has a fault."),
            ("qt5.qtwebengine", "qtwebengine", "https://www.qt.io/"),
        ),
        (
            by_nvd("imagemagick:imagemagick", "ImageMagick before 2.0 has a fault."),
            ("php73Extensions.imagick", "php-imagick", "https://pecl.php.net/package/imagick"),
        ),
        (
            by_nvd("postgresql:postgresql", "PostgreSQL before 2.0 has a fault."),
            ("postgresql11Packages.pg_cron", "pg_cron", "https://github.com/citusdata/pg_cron"),
        ),
        (by_osv("Bitnami", "java"), ("openjdk", "openjdk", "https://openjdk.java.net/")),
        (
            by_cna("sharkdp", "bat", repository("https://github.com/sharkdp/bat")),
            ("bat", "bat", "https://github.com/someone/bat"),
        ),
    ];
    let met: Vec<&str> = rows
        .into_iter()
        .filter_map(|(record, of)| is_matched(record, package(of)).then_some(of.0))
        .collect();
    assert_eq!(met, Vec::<&str>::new());
}
