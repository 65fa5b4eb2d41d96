//! Lists for feed readers: Atom, RFC 4287.

use super::time;

/// Something that a feed tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is, stable: a path below the site's own name.
    pub id: String,
    /// One line.
    pub title: String,
    /// A path of ours.
    pub link: String,
    /// ISO 8601, as a source wrote it; the feed's own date where there is none.
    pub date: Option<String>,
    /// A few sentences of plain text.
    pub text: String,
}

/// A feed without its entries.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// One line.
    pub title: &'a str,
    /// The address of the page, a path of ours.
    pub page: &'a str,
    /// The address of the feed, a path of ours.
    pub own: &'a str,
    /// What goes before paths: `https://tracker.example.org`, or nothing where nobody said under which name we are reached.
    pub base: &'a str,
}

/// Writes a feed. Without a base its addresses are relative to the one that it was fetched from.
pub fn document(head: Head<'_>, entries: &[Entry]) -> String {
    let date = |entry: &Entry| entry.date.as_deref().and_then(time::unix);
    // The same entries give the same document, so nothing in it is the time of the request.
    let newest = entries.iter().filter_map(date).max().unwrap_or(0);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    element(&mut out, "id", &tag(head.page.trim_start_matches('/')));
    element(&mut out, "title", head.title);
    element(&mut out, "updated", &time::rfc3339(newest));
    let full = |path: &str| format!("{}{path}", head.base);
    link(&mut out, "alternate", "text/html", &full(head.page));
    link(&mut out, "self", "application/atom+xml", &full(head.own));
    out.push_str("<author><name>Firn tracker</name></author>\n");
    for entry in entries {
        out.push_str("<entry>\n");
        element(&mut out, "id", &tag(&entry.id));
        element(&mut out, "title", &entry.title);
        element(&mut out, "updated", &time::rfc3339(date(entry).unwrap_or(newest)));
        link(&mut out, "alternate", "text/html", &full(&entry.link));
        element(&mut out, "summary", &entry.text);
        out.push_str("</entry>\n");
    }
    out.push_str("</feed>\n");
    out
}

/// An id of ours, as a tag URI (RFC 4151).
fn tag(path: &str) -> String {
    let mut out = String::from("tag:firn-tracker,2026:");
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        out.push_str(&super::address::segment(segment));
    }
    out
}

fn element(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>"));
    escape(out, text);
    out.push_str(&format!("</{name}>\n"));
}

fn link(out: &mut String, relation: &str, kind: &str, href: &str) {
    out.push_str(&format!("<link rel=\"{relation}\" type=\"{kind}\" href=\""));
    escape(out, href);
    out.push_str("\"/>\n");
}

/// Text as XML 1.0 has it. Characters that it cannot hold at all become U+FFFD.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_foreign_text_never_becomes_markup() {
        let entry = Entry {
            id: "nixos/CVE-1<".to_owned(),
            title: "</title><script>".to_owned(),
            link: "/cve/\"x".to_owned(),
            date: Some("2024-05-02T10:00:00.000Z".to_owned()),
            text: "]]>&\u{0}\u{b}\u{ffff}".to_owned(),
        };
        let head = Head {
            title: "a & b",
            page: "/queue?q=<",
            own: "/queue.atom",
            base: "",
        };
        let text = document(head, &[entry]);
        for part in [
            "<id>tag:firn-tracker,2026:queue%3Fq%3D%3C</id>\n<title>a &amp; b</title>\n<updated>2024-05-02T10:00:00Z</updated>",
            "<id>tag:firn-tracker,2026:nixos/CVE-1%3C</id>\n<title>&lt;/title&gt;&lt;script&gt;</title>",
            "href=\"/cve/&quot;x\"/>\n<summary>]]&gt;&amp;\u{fffd}\u{fffd}\u{fffd}</summary>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_feed_without_dates_is_still_one() {
        let head = Head {
            title: "",
            page: "/",
            own: "/index.atom",
            base: "https://t.example",
        };
        let text = document(head, &[]);
        assert!(text.contains("<updated>1970-01-01T00:00:00Z</updated>"));
        assert!(
            text.contains("type=\"application/atom+xml\" href=\"https://t.example/index.atom\"/>"),
            "{text}"
        );
    }
}
