//! Package URLs (ECMA-427): `pkg:npm/%40babel/core@7.0.0`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longer texts are refused.
const MAX_LEN: usize = 4096;

/// A package URL, taken apart. Values are decoded and in the spelling that is canonical for the type:
/// `pkg:pypi/Django_Foo` has the name `django-foo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    /// `npm`, `pypi`, `golang`, in lower case.
    pub type_: String,
    /// `@babel`, `github.com/gorilla`: segments joined with slashes.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Version.
    pub version: Option<String>,
    /// Qualifiers by key; none has an empty value.
    pub qualifiers: BTreeMap<String, String>,
    /// Path inside the package: segments joined with slashes.
    pub subpath: Option<String>,
}

/// Why a text is not a package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse package URL at byte {at}: {message}")]
pub struct PurlError {
    /// Byte position.
    pub at: usize,
    /// What was expected.
    pub message: &'static str,
}

impl FromStr for Purl {
    type Err = PurlError;

    /// Reads canonical and sloppy spellings: `pkg://type/...`, slashes too many, an npm scope with a bare `@`, any case where case does not count.
    fn from_str(s: &str) -> Result<Self, PurlError> {
        const TOO_LONG: PurlError = PurlError {
            at: MAX_LEN,
            message: "longer than 4096 bytes",
        };
        if s.len() > MAX_LEN {
            return Err(TOO_LONG);
        }
        let whole = Piece { text: s, at: 0 };
        let scheme = s.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("pkg:"));
        scheme.ok_or(PurlError {
            at: 0,
            message: "expected \"pkg:\"",
        })?;

        let (rest, subpath) = whole.rsplit('#');
        let (rest, qualifiers) = rest.rsplit('?');
        let rest = rest.from(4).trim_slashes();
        let (type_, rest) = rest.split('/').ok_or(PurlError {
            at: rest.end(),
            message: "expected a type, a slash and a name",
        })?;
        // An at sign with a slash behind it is an npm scope; a version has its slashes encoded.
        let (path, version) = match rest.rsplit('@') {
            (path, Some(version)) if !version.text.contains('/') => (path, Some(version)),
            _ => (rest, None),
        };
        let path = path.trim_slashes();
        let (namespace, name) = match path.rsplit('/') {
            (namespace, Some(name)) => (Some(namespace), name),
            (name, None) => (None, name),
        };
        if name.text.is_empty() {
            return Err(PurlError {
                at: name.at,
                message: "expected a name",
            });
        }
        let mut purl = Self {
            type_: type_.kind()?,
            namespace: namespace.map(|n| n.segments(false)).transpose()?.flatten(),
            name: name.decoded()?,
            version: version.map(Piece::decoded).transpose()?.filter(|v| !v.is_empty()),
            qualifiers: qualifiers.map(Piece::qualifiers).transpose()?.unwrap_or_default(),
            subpath: subpath.map(|path| path.segments(true)).transpose()?.flatten(),
        };
        purl.normalise();
        // Printing encodes a byte as three: what would then be too long to be read again is refused now.
        if s.len() > MAX_LEN / 4 && purl.to_string().len() > MAX_LEN {
            return Err(TOO_LONG);
        }
        Ok(purl)
    }
}

impl fmt::Display for Purl {
    /// The canonical spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.type_)?;
        if let Some(namespace) = &self.namespace {
            encode(namespace, "/", f)?;
            f.write_str("/")?;
        }
        encode(&self.name, "", f)?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encode(version, "", f)?;
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}=", if index == 0 { '?' } else { '&' })?;
            encode(value, "", f)?;
        }
        if let Some(subpath) = &self.subpath {
            f.write_str("#")?;
            encode(subpath, "/", f)?;
        }
        Ok(())
    }
}

impl Serialize for Purl {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purl {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Purl {
    /// Brings namespace and name into the spelling that is canonical for the type.
    fn normalise(&mut self) {
        let (namespace, name) = match self.type_.as_str() {
            "bitbucket" | "composer" | "deb" | "github" | "gitlab" | "golang" | "hex" | "npm" | "alpm" | "apk" | "luarocks" => (true, true),
            "rpm" | "qpkg" => (true, false),
            "bitnami" | "oci" | "pub" | "pypi" => (false, true),
            _ => (false, false),
        };
        if let Some(text) = self.namespace.as_mut().filter(|_| namespace) {
            *text = text.to_lowercase();
        }
        if name {
            self.name = self.name.to_lowercase();
        }
        if self.type_ == "pypi" {
            self.name = joined_with_hyphens(&self.name);
        }
    }
}

/// PEP 503: each run of `-`, `_` and `.` becomes one hyphen.
fn joined_with_hyphens(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut in_run = false;
    for c in name.chars() {
        let separator = matches!(c, '-' | '_' | '.');
        if separator && !in_run {
            out.push('-');
        } else if !separator {
            out.push(c);
        }
        in_run = separator;
    }
    out
}

/// A part of the text that remembers where it stands.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Piece<'a> {
    fn end(self) -> usize {
        self.at + self.text.len()
    }

    fn from(self, offset: usize) -> Self {
        Self {
            text: self.text.get(offset..).unwrap_or_default(),
            at: self.at + offset,
        }
    }

    fn to(self, offset: usize) -> Self {
        Self {
            text: self.text.get(..offset).unwrap_or_default(),
            at: self.at,
        }
    }

    fn split(self, c: char) -> Option<(Self, Self)> {
        let offset = self.text.find(c)?;
        Some((self.to(offset), self.from(offset + 1)))
    }

    fn rsplit(self, c: char) -> (Self, Option<Self>) {
        match self.text.rfind(c) {
            Some(offset) => (self.to(offset), Some(self.from(offset + 1))),
            None => (self, None),
        }
    }

    fn trim_slashes(self) -> Self {
        let start = self.text.len() - self.text.trim_start_matches('/').len();
        let piece = self.from(start);
        piece.to(piece.text.trim_end_matches('/').len())
    }

    /// The pieces between separators.
    fn pieces(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let piece = Piece { text, at };
            at += text.len() + separator.len_utf8();
            piece
        })
    }

    fn fail<T>(self, offset: usize, message: &'static str) -> Result<T, PurlError> {
        Err(PurlError {
            at: self.at + offset,
            message,
        })
    }

    fn kind(self) -> Result<String, PurlError> {
        if !self.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.fail(0, "expected a type that starts with a letter");
        }
        if let Some(offset) = self
            .text
            .find(|c: char| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-'))
        {
            return self.fail(offset, "expected letters, digits, dots and hyphens in the type");
        }
        Ok(self.text.to_ascii_lowercase())
    }

    /// Decoded segments joined with slashes; `.` and `..` mean nothing in a subpath and are left out there.
    fn segments(self, dots_mean_nothing: bool) -> Result<Option<String>, PurlError> {
        let mut joined = String::new();
        for piece in self.pieces('/') {
            let segment = piece.decoded()?;
            if segment.contains('/') {
                return piece.fail(0, "segment holds an encoded slash");
            }
            if segment.is_empty() || dots_mean_nothing && matches!(segment.as_str(), "." | "..") {
                continue;
            }
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(&segment);
        }
        Ok(Some(joined).filter(|joined| !joined.is_empty()))
    }

    fn qualifiers(self) -> Result<BTreeMap<String, String>, PurlError> {
        let mut map = BTreeMap::new();
        for pair in self.pieces('&').filter(|pair| !pair.text.is_empty()) {
            let Some((key, value)) = pair.split('=') else {
                return pair.fail(0, "expected key=value");
            };
            let valid = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_');
            if !key.text.starts_with(|c: char| c.is_ascii_alphabetic()) || !key.text.chars().all(valid) {
                return key.fail(0, "expected a key of letters, digits, dots, hyphens and underscores");
            }
            let value = value.decoded()?;
            if !value.is_empty() && map.insert(key.text.to_ascii_lowercase(), value).is_some() {
                return key.fail(0, "key occurs twice");
            }
        }
        Ok(map)
    }

    fn decoded(self) -> Result<String, PurlError> {
        let bytes = self.text.as_bytes();
        let hex = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16)).map(|digit| digit as u8);
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte != b'%' {
                out.push(byte);
                at += 1;
                continue;
            }
            let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) else {
                return self.fail(at, "expected two hexadecimal digits after %");
            };
            out.push(high << 4 | low);
            at += 3;
        }
        String::from_utf8(out).or_else(|_| self.fail(0, "percent-encoded bytes are not UTF-8"))
    }
}

/// Writes percent-encoded text; besides letters and digits these stay: `.-_~:` and what `keep` names.
fn encode(text: &str, keep: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = text;
    let plain = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' | '~' | ':') || keep.contains(c);
    while let Some(c) = rest.chars().next() {
        let len = rest.find(|c| !plain(c)).unwrap_or(rest.len());
        let (before, after) = rest.split_at(if len == 0 { c.len_utf8() } else { len });
        if len == 0 {
            for byte in before.bytes() {
                write!(f, "%{byte:02X}")?;
            }
        } else {
            f.write_str(before)?;
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(s: &str) -> String {
        s.parse::<Purl>().unwrap().to_string()
    }

    fn error_of(s: &str) -> (usize, &'static str) {
        let error = s.parse::<Purl>().unwrap_err();
        (error.at, error.message)
    }

    /// The examples that the specification gives for its syntax are canonical already.
    #[test]
    fn examples_of_the_specification() {
        for purl in [
            "pkg:bitbucket/birkenfeld/pygments-main@244fd47e07d1014f0aed9c",
            "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
            "pkg:docker/cassandra@sha256:244fd47e07d1004f0aed9c",
            "pkg:docker/customer/dockerimage@sha256:244fd47e07d1004f0aed9c?repository_url=gcr.io",
            "pkg:gem/jruby-launcher@1.1.2?platform=java",
            "pkg:gem/ruby-advisory-db-check@0.12.4",
            "pkg:github/package-url/purl-spec@244fd47e07d1004f0aed9c",
            "pkg:golang/google.golang.org/genproto#googleapis/api/annotations",
            "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?packaging=sources",
            "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?repository_url=repo.spring.io%2Frelease",
            "pkg:npm/%40angular/animation@12.3.1",
            "pkg:npm/foobar@12.3.1",
            "pkg:nuget/EnterpriseLibrary.Common@6.0.1304",
            "pkg:pypi/django@1.11.1",
            "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
            "pkg:rpm/opensuse/curl@7.56.1-1.1.?arch=i386&distro=opensuse-tumbleweed",
            "pkg:generic/openssl@1.1.10g?checksum=sha1:ad9503c3e994a4f%2Csha256:41bf9088b3a1e6c1ef1d",
        ] {
            assert_eq!(canonical(purl), purl);
        }
    }

    #[test]
    fn parts() {
        let purl: Purl = "pkg:GOLANG/GitHub.com/Gorilla/context@234fd47e07d1?Z=1&a=%2F&empty=#/api/./x/../y/"
            .parse()
            .unwrap();
        assert_eq!(purl.type_, "golang");
        assert_eq!(purl.namespace.as_deref(), Some("github.com/gorilla"));
        assert_eq!(purl.name, "context");
        assert_eq!(purl.version.as_deref(), Some("234fd47e07d1"));
        assert_eq!(
            purl.qualifiers.into_iter().collect::<Vec<_>>(),
            [("a".into(), "/".into()), ("z".into(), "1".into())]
        );
        assert_eq!(purl.subpath.as_deref(), Some("api/x/y"));
    }

    #[test]
    fn types_have_their_own_spelling() {
        assert_eq!(
            canonical("pkg:pypi/My.PyPI_.--._Package@1.11.1.dev1"),
            "pkg:pypi/my-pypi-package@1.11.1.dev1"
        );
        assert_eq!(
            canonical("pkg:github/Package-url/purl-Spec@244FD"),
            "pkg:github/package-url/purl-spec@244FD"
        );
        assert_eq!(canonical("pkg:npm/@Babel/core"), "pkg:npm/%40babel/core");
        assert_eq!(canonical("pkg:npm/@babel/core@7.0.0"), "pkg:npm/%40babel/core@7.0.0");
        assert_eq!(canonical("pkg:cargo/Inflector@0.11.4"), "pkg:cargo/Inflector@0.11.4");
        assert_eq!(canonical("pkg:rpm/OpenSUSE/Curl"), "pkg:rpm/opensuse/Curl");
    }

    #[test]
    fn sloppy_spellings() {
        assert_eq!(
            canonical("pkg://maven//org.apache.commons//io@1.3.4"),
            "pkg:maven/org.apache.commons/io@1.3.4"
        );
        assert_eq!(canonical("PKG:deb/debian/curl@"), "pkg:deb/debian/curl");
        assert_eq!(canonical("pkg:generic/a%20b@1.0+é"), "pkg:generic/a%20b@1.0%2B%C3%A9");
    }

    #[test]
    fn errors_name_the_byte() {
        assert_eq!(error_of("EnterpriseLibrary.Common@6.0.1304"), (0, "expected \"pkg:\""));
        assert_eq!(error_of("pkg%3Amaven/org.apache.commons/io"), (0, "expected \"pkg:\""));
        assert_eq!(
            error_of("pkg:EnterpriseLibrary.Common@6.0.1304"),
            (37, "expected a type, a slash and a name")
        );
        assert_eq!(error_of("pkg:maven/@1.3.4"), (10, "expected a name"));
        assert_eq!(error_of("pkg:3nginx/nginx@0.8.9"), (4, "expected a type that starts with a letter"));
        assert_eq!(
            error_of("pkg:nginx:a/nginx@0.8.9"),
            (9, "expected letters, digits, dots and hyphens in the type")
        );
        assert_eq!(
            error_of("pkg:npm/myartifact@1.0.0?in%20production=true"),
            (25, "expected a key of letters, digits, dots, hyphens and underscores")
        );
        assert_eq!(error_of("pkg:npm/a?x=1&X=2"), (14, "key occurs twice"));
        assert_eq!(error_of("pkg:npm/a?x"), (10, "expected key=value"));
        assert_eq!(error_of("pkg:npm/a%2"), (9, "expected two hexadecimal digits after %"));
        assert_eq!(error_of("pkg:npm/a%fe@1"), (8, "percent-encoded bytes are not UTF-8"));
        assert_eq!(error_of(&format!("pkg:npm/{}", "a".repeat(5000))), (4096, "longer than 4096 bytes"));
        assert_eq!(error_of(&format!("pkg:npm/{}", " ".repeat(2000))), (4096, "longer than 4096 bytes"));
        assert_eq!(error_of("pkg:npm/x%2Fy/a"), (8, "segment holds an encoded slash"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(tail in "[a-zA-Z]{1,4}/[-a-zA-Z0-9@%2F/#?&=._+: é]{0,40}|\\PC{0,40}") {
            if let Ok(purl) = format!("pkg:{tail}").parse::<Purl>() {
                let text = purl.to_string();
                prop_assert_eq!(text.parse::<Purl>(), Ok(purl), "written as {}", text);
            }
        }
    }
}
