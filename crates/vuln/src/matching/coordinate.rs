//! Where software lives: tokens read from URLs, so that a package's homepage and a record's references can be compared.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// A place on the web that identifies software or its maker, as a short text: `repo:curl/curl`, `host:curl.haxx.se`,
/// `sub:gnu.org/tar`. Texts keep the tables small and the evidence readable.
pub type Coordinate = String;

/// Hosts where the first two path parts are owner and repository.
const FORGES: &[&str] = &[
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "raw.githubusercontent.com",
    "codeload.github.com",
    "codeberg.org",
    "git.sr.ht",
    "salsa.debian.org",
    "gitlab.gnome.org",
    "gitlab.freedesktop.org",
    "invent.kde.org",
    "framagit.org",
    "gitlab.xfce.org",
];

/// Hosts of foundations and platforms: alone they identify nothing, with a label or a path part they may.
const UMBRELLA_HOSTS: &[&str] = &[
    "gnu.org",
    "nongnu.org",
    "freedesktop.org",
    "gnome.org",
    "kde.org",
    "kernel.org",
    "x.org",
    "apache.org",
    "mozilla.org",
    "debian.org",
    "google.com",
    "eclipse.org",
    "jboss.org",
    "openstack.org",
    "php.net",
    "samba.org",
    "openbsd.org",
    "xiph.org",
    "videolan.org",
    "gnupg.org",
    "sourceware.org",
    "w3.org",
    "perl.org",
    "python.org",
    "ruby-lang.org",
    "readthedocs.io",
    "postgresql.org",
    "haskell.org",
    "golang.org",
    "apple.com",
    "fedoraproject.org",
];

/// Hosts that say nothing about whose software it is: databases, distributions, mail archives, free web space.
const NOISE_HOSTS: &[&str] = &[
    "ubuntu.com",
    "redhat.com",
    "archive.org",
    "github.com",
    "github.io",
    "gitlab.com",
    "gitlab.io",
    "bitbucket.org",
    "bitbucket.io",
    "sourceforge.net",
    "sourceforge.io",
    "sf.net",
    "launchpad.net",
    "googlecode.com",
    "pypi.org",
    "npmjs.com",
    "npmjs.org",
    "cpan.org",
    "metacpan.org",
    "rubygems.org",
    "crates.io",
    "docs.rs",
    "pkg.go.dev",
    "wikipedia.org",
    "wordpress.org",
    "wordpress.com",
    "blogspot.com",
    "twitter.com",
    "youtube.com",
    "medium.com",
    "securityfocus.com",
    "secunia.com",
    "osvdb.org",
    "securitytracker.com",
    "exploit-db.com",
    "packetstormsecurity.com",
    "packetstormsecurity.org",
    "openwall.com",
    "openwall.net",
    "seclists.org",
    "marc.info",
    "vupen.com",
    "mandriva.com",
    "mandrakesoft.com",
    "suse.com",
    "suse.de",
    "novell.com",
    "opensuse.org",
    "gentoo.org",
    "cert.org",
    "us-cert.gov",
    "mitre.org",
    "nist.gov",
    "ibm.com",
    "oracle.com",
    "iss.net",
    "neohapsis.com",
    "securityreason.com",
    "frsirt.com",
    "ibmcloud.com",
    "netapp.com",
    "hp.com",
    "hpe.com",
    "microsoft.com",
    "cisco.com",
    "jvn.jp",
    "hackerone.com",
    "huntr.dev",
    "huntr.com",
    "snyk.io",
    "talosintelligence.com",
    "zerodayinitiative.com",
    "wpscan.com",
    "wpvulndb.com",
    "patchstack.com",
    "wordfence.com",
    "vuldb.com",
    "sun.com",
    "sgi.com",
    "caldera.com",
    "conectiva.com.br",
    "trustix.org",
    "trustix.net",
    "f5.com",
    "slackware.com",
    "immunix.org",
    "ciac.org",
    "ocert.org",
    "tenable.com",
    "rapid7.com",
    "fortinet.com",
    "juniper.net",
    "lwn.net",
    "ycombinator.com",
    "attrition.org",
    "freebsd.org",
    "netbsd.org",
    "herokuapp.com",
    "amazonaws.com",
    "cloudfront.net",
    "free.fr",
    "tripod.com",
    "geocities.com",
    "bioconductor.org",
    "r-project.org",
    "ctan.org",
    "maven.org",
    "nixos.org",
    "archlinux.org",
    "alpinelinux.org",
    "acunetix.com",
    "qualys.com",
    "checkmarx.com",
    "mend.io",
    "whitesourcesoftware.com",
    "cve.org",
    "pastebin.com",
    "turbolinux.com",
    "turbolinux.co.jp",
    "debian.net",
    "lists.debian.org",
    "fulldisclosure.com",
    "securiteam.com",
    "k-otik.com",
    "0day.today",
    "cxsecurity.com",
    "milw0rm.com",
    "symantec.com",
    "idefense.com",
    "eeye.com",
    "ngssoftware.com",
    "core-security.com",
    "coresecurity.com",
    "blackhat.com",
    "defcon.org",
    "bugzilla.com",
    "linuxsecurity.com",
    "linux.com",
    "mail-archive.com",
    "spinics.net",
    "nabble.com",
];

/// The coordinates of one URL; empty where it identifies nothing. `mirror://gnu/tar/...` counts as GNU's host.
pub fn coordinates(url: &str) -> Vec<Coordinate> {
    let mut found = Vec::new();
    let Some((host, path)) = split(url) else { return found };
    if host == "git.kernel.org" {
        // `/pub/scm/linux/kernel/git/stable/linux.git`: only the last part names the repository.
        found.extend(
            path.split('/')
                .find_map(|part| part.strip_suffix(".git"))
                .map(|name| repo("kernel.org", name)),
        );
        return found;
    }
    let mut parts = path.split('/').filter(|part| !part.is_empty() && part.len() <= 80);
    if FORGES.contains(&host.as_ref()) || host.starts_with("gitlab.") || host.starts_with("gitea.") || host.starts_with("forgejo.") {
        if let (Some(owner), Some(name)) = (parts.next(), parts.next()) {
            found.push(repo(owner, name));
        }
        return found;
    }
    if let Some(owner) = host.strip_suffix(".github.io").or_else(|| host.strip_suffix(".gitlab.io")) {
        found.push(repo(owner, parts.next().unwrap_or(owner)));
        return found;
    }
    if host == "sourceforge.net"
        || host == "sf.net"
        || host.ends_with(".sourceforge.net")
        || host.ends_with(".sf.net")
        || host.ends_with(".sourceforge.io")
    {
        if let Some(project) = sourceforge(&host, path) {
            found.push(format!("sf:{project}"));
        }
        return found;
    }
    if let Some(project) = host.strip_suffix(".googlecode.com") {
        found.push(format!("googlecode:{project}"));
        return found;
    }
    let first = parts.next().map(str::to_ascii_lowercase);
    let second = parts.next().map(str::to_ascii_lowercase);
    match host.as_ref() {
        "code.google.com" if first.as_deref() == Some("p") => found.extend(second.map(|p| format!("googlecode:{p}"))),
        "launchpad.net" | "bugs.launchpad.net" | "code.launchpad.net" => {
            found.extend(first.map(|p| format!("launchpad:{}", p.trim_start_matches(['~', '+']))));
        }
        "savannah.gnu.org" | "savannah.nongnu.org" | "git.savannah.gnu.org" => {
            found.extend(second.map(|p| format!("savannah:{}", p.trim_end_matches(".git"))))
        }
        "pypi.org" | "pypi.python.org" => found.extend(second.map(|p| format!("pypi:{p}"))),
        "metacpan.org" | "search.cpan.org" => found.extend(second.map(|p| format!("cpan:{p}"))),
        "npmjs.com" | "npmjs.org" => found.extend(second.map(|p| format!("npm:{p}"))),
        "rubygems.org" => found.extend(second.map(|p| format!("gem:{p}"))),
        "hackage.haskell.org" => found.extend(second.map(|p| format!("hackage:{p}"))),
        "crates.io" => found.extend(second.map(|p| format!("crate:{p}"))),
        _ => {
            let domain = domain(&host);
            if NOISE.contains(domain) {
                return found;
            }
            if UMBRELLA_HOSTS.contains(&domain) {
                // On an umbrella host only the label before the domain and the first path parts tell whose page it is.
                let label = host.strip_suffix(domain).map(|l| l.trim_end_matches('.')).filter(|l| !l.is_empty());
                for part in label.into_iter().chain(first.as_deref()).chain(second.as_deref()) {
                    if part.len() >= 2 && !UNSPECIFIC.contains(&part) && !part.bytes().all(|b| b.is_ascii_digit()) {
                        found.push(format!("sub:{domain}/{}", part.trim_end_matches(".html").trim_end_matches(".git")));
                    }
                }
            } else {
                found.push(format!("host:{domain}"));
            }
        }
    }
    found
}

/// Labels and path parts of umbrella hosts that tell nothing.
const UNSPECIFIC: &[&str] = &[
    "wiki",
    "software",
    "projects",
    "project",
    "apps",
    "www",
    "bugs",
    "lists",
    "mail",
    "archives",
    "archive",
    "git",
    "cgit",
    "gitweb",
    "svn",
    "cvs",
    "viewvc",
    "security",
    "news",
    "download",
    "downloads",
    "pub",
    "ftp",
    "en",
    "about",
    "bid",
    "advisories",
    "errata",
    "show_bug.cgi",
    "bugzilla",
    "issues",
    "jira",
    "browse",
    "pipermail",
    "article",
    "articles",
    "docs",
    "doc",
    "support",
    "blog",
    "p",
    "people",
    "developer",
    "dev",
    "index",
    "home",
    "tracker",
    "announce",
    "cgi-bin",
    "releases",
    "release",
    "source",
    "src",
    "packages",
    "sites",
    "linux",
    "thread",
    "repos",
    "asf",
    "s",
    "commit",
    "list",
    "mailman",
    "bugtraq",
    "2019",
    "2018",
    "2020",
    "tags",
    "web",
    "html",
    "hg",
    "portal",
    "oss-sec",
    "fulldisclosure",
];

fn repo(owner: &str, name: &str) -> Coordinate {
    format!(
        "repo:{}/{}",
        owner.to_ascii_lowercase(),
        name.to_ascii_lowercase().trim_end_matches(".git")
    )
}

fn sourceforge(host: &str, path: &str) -> Option<String> {
    let mut parts = path.split('/').filter(|p| !p.is_empty());
    while let Some(part) = parts.next() {
        if matches!(part, "projects" | "project" | "p") {
            let name = parts.next()?.to_ascii_lowercase();
            return (name != "showfiles.php" && !name.is_empty()).then_some(name);
        }
    }
    let label = host.split('.').next()?;
    (!matches!(label, "sourceforge" | "sf" | "www" | "downloads" | "prdownloads" | "lists" | "svn")).then(|| label.to_string())
}

/// Lower-case host without `www.`, and the path without query and fragment.
fn split(url: &str) -> Option<(Cow<'_, str>, &str)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    if scheme.eq_ignore_ascii_case("mirror") {
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match name {
            "gnu" => "ftp.gnu.org",
            "savannah" => "savannah.nongnu.org",
            "sourceforge" => return Some((Cow::Owned(format!("{}.sourceforge.net", path.split('/').next()?)), "")),
            "gnome" => "gnome.org",
            "kde" => "kde.org",
            "apache" => "apache.org",
            "kernel" => "kernel.org",
            "xorg" => "x.org",
            "mozilla" => "mozilla.org",
            _ => return None,
        };
        return Some((Cow::Borrowed(host), path));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end)?;
    let host = host.rsplit('@').next()?.split(':').next()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    if host.is_empty() || host.len() > 253 || !host.contains('.') {
        return None;
    }
    let path = rest.get(end..)?;
    let path = path.split(['?', '#']).next()?;
    let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    Some((host, path))
}

/// The registrable part of a host name, by the rule of thumb that `co.uk`-like second levels are short.
fn domain(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(i, _)| i);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else {
        return host;
    };
    let (tld, sld) = (host.len() - last - 1, last - second - 1);
    let cut = if tld == 2 && sld <= 3 { dots.next() } else { Some(second) };
    cut.map_or(host, |i| host.get(i + 1..).unwrap_or(host))
}

static NOISE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| NOISE_HOSTS.iter().copied().collect());

/// The words in a coordinate that may name a vendor or a product: `repo:curl/curl` → `curl`, `curl`; `host:curl.haxx.se` → `haxx`.
pub fn labels(coordinate: &str) -> impl Iterator<Item = &str> {
    let (kind, rest) = coordinate.split_once(':').unwrap_or(("", coordinate));
    let host = kind == "host" || kind == "sub";
    // The top-level domain names nobody.
    let last = if host && !rest.contains('/') { rest.rfind('.') } else { None };
    let rest = last.map_or(rest, |i| rest.get(..i).unwrap_or(rest));
    rest.split(['/', '.']).filter(|label| label.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_coordinates() {
        for (url, expected) in [
            ("https://github.com/Curl/curl.git", "repo:curl/curl"),
            ("https://madler.github.io/zlib/", "repo:madler/zlib"),
            ("https://curl.haxx.se/docs/CVE-2019.html", "host:haxx.se"),
            ("http://www.openssl.org/news/x", "host:openssl.org"),
            ("http://sourceforge.net/projects/expat/", "sf:expat"),
            ("http://expat.sourceforge.net", "sf:expat"),
            ("http://code.google.com/p/gperftools/", "googlecode:gperftools"),
            ("https://www.gnu.org/software/tar/", "sub:gnu.org/tar"),
            ("mirror://gnu/tar/tar-1.0.tar.gz", "sub:gnu.org/tar"),
            (
                "https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/commit/",
                "repo:kernel.org/linux",
            ),
            ("https://pypi.org/project/Django/", "pypi:django"),
            ("https://www.example.co.uk/x", "host:example.co.uk"),
        ] {
            assert!(coordinates(url).iter().any(|c| c == expected), "{url} -> {:?}", coordinates(url));
        }
    }

    #[test]
    fn texts_that_are_no_urls_give_nothing() {
        for url in [
            "",
            "n/a",
            "https://",
            "http:///x",
            "javascript:alert(1)",
            "https://localhost/x",
            "https://@:/",
        ] {
            assert!(coordinates(url).is_empty(), "{url}");
        }
    }

    #[test]
    fn shared_hosts_identify_nothing_by_themselves() {
        assert!(coordinates("http://www.securityfocus.com/bid/1234").is_empty());
        assert!(coordinates("https://www.kde.org/").is_empty());
    }
}
