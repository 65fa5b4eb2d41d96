//! Words for people, and texts for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use vuln::verdict::Verdict;

use super::view::{Entry, View};
use crate::finding::{Finding, Report, Status};
use crate::inventory::Seen;

/// The program, as documents name it.
pub const TOOL: &str = "firn-scan";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Its page.
pub const HOME: &str = "https://github.com/firn-nix/firn";

/// What a verdict means, in two words.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Affected => "affected",
        Verdict::KnownVulnerable => "marked vulnerable",
        Verdict::Unknown => "unknown",
        Verdict::Patched => "patched",
        Verdict::Fixed => "fixed",
        Verdict::NotAffected => "not affected",
    }
}

/// What a decision comes to, in two words.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::NotAffected => "not affected",
        Status::Affected => "affected",
        Status::Fixed => "fixed",
        Status::UnderInvestigation => "under investigation",
        Status::Accepted => "accepted",
    }
}

/// Where the facts about a package are from, as a sentence.
pub fn seen(seen: Seen) -> &'static str {
    match seen {
        Seen::Derivation => "read from its derivation: patches are seen",
        Seen::Channel => "known from a channel by its output path: patches are seen",
        Seen::Sbom => "named by an SBOM: patches are seen only where it lists them",
        Seen::StorePath => "known by the name of its store path alone: patches cannot be seen",
        Seen::Registry => "a library of a language's registry, told by what carries it or by an SBOM",
    }
}

/// `fixed in 1.2.12; in nixos-25.11 (1.2.13)`, or nothing.
pub fn remedy(finding: &Finding) -> Option<String> {
    let channels: Vec<String> = finding
        .fixed_channels
        .iter()
        .map(|(channel, version)| format!("{channel} has {version}"))
        .collect();
    match (&finding.fixed_in, channels.is_empty()) {
        (Some(version), true) => Some(format!("fixed in {version}")),
        (Some(version), false) => Some(format!("fixed in {version}; {}", channels.join(", "))),
        (None, false) => Some(channels.join(", ")),
        (None, true) => None,
    }
}

/// A decision as a sentence: `accepted (until 2027-01-31): no network (decisions.toml, entry 3)`.
pub fn decision(finding: &Finding) -> Option<String> {
    let decision = finding.decision.as_ref()?;
    let mut text = status(decision.status).to_owned();
    if let Some(until) = &decision.until {
        text += &format!(" (until {until})");
    }
    if let Some(justification) = &decision.justification {
        text += &format!(", {}", justification.replace('_', " "));
    }
    if !decision.reason.is_empty() {
        text += &format!(": {}", decision.reason);
    }
    Some(format!("{text} ({})", decision.source))
}

/// What the outcome rests on, as sentences.
pub fn evidence(finding: &Finding) -> String {
    let details: Vec<&str> = finding.evidence.iter().map(|e| e.detail.as_str()).collect();
    details.join("; ")
}

/// `3 open (1 critical, 2 high), 1 exploited; 2 decided; 14 patched, fixed or not affected`
pub fn summary(view: &View<'_>) -> String {
    use super::view::Group;
    use cli_kit::human::count;
    let number = |n: usize| count(n as u64);
    let of = |group| view.group(group).count();
    let severities: Vec<String> = view
        .open_by_severity()
        .into_iter()
        .map(|(severity, n)| format!("{} {severity}", number(n)))
        .collect();
    let mut text = format!("{} open", number(of(Group::Open)));
    if !severities.is_empty() {
        text += &format!(" ({})", severities.join(", "));
    }
    let exploited = view.group(Group::Open).filter(|e| e.finding.exploited_since.is_some()).count();
    if exploited > 0 {
        text += &format!(", {} known to be exploited", number(exploited));
    }
    if of(Group::Settled) > 0 {
        text += &format!("; {} decided", number(of(Group::Settled)));
    }
    format!("{text}; {} patched, fixed or not affected", number(of(Group::Closed)))
}

/// `1,031 packages in 3,001 paths of /run/current-system`
pub fn subject(view: &View<'_>) -> String {
    use cli_kit::human::count;
    let inventory = &view.report.inventory;
    let carried = inventory.packages.iter().filter(|p| !p.inside.is_empty()).count() as u64;
    let (packages, parts) = (inventory.packages.len() as u64 - carried, inventory.parts.len() as u64);
    let inside = match carried {
        0 => String::new(),
        n => format!(" with {} {} inside", count(n), plural(n, "dependency")),
    };
    format!(
        "{} {}{inside} in {} {} of {}",
        count(packages),
        plural(packages, "package"),
        count(parts),
        plural(parts, "part"),
        inventory.targets.join(", ")
    )
}

/// `12 packages carry dependencies that no derivation lists (ripgrep-14.1.0-vendor, ...): those are not judged`, or nothing.
pub fn sealed(view: &View<'_>) -> Option<String> {
    use cli_kit::human::count;
    let with: Vec<&[String]> = view
        .packages
        .iter()
        .map(|p| p.scanned.sealed.as_slice())
        .filter(|sealed| !sealed.is_empty())
        .collect();
    let first = with.first().and_then(|sealed| sealed.first())?;
    let verb = if with.len() == 1 { "carries" } else { "carry" };
    let (number, packages) = (count(with.len() as u64), plural(with.len() as u64, "package"));
    let more = if with.len() == 1 { "" } else { ", ..." };
    Some(format!(
        "{number} {packages} {verb} dependencies that no derivation lists ({first}{more}): those are not judged"
    ))
}

/// `snapshot 42 of 2026-11-20 14:00 UTC, 2 days old`
pub fn snapshot(report: &Report) -> String {
    let knowledge = &report.knowledge;
    format!(
        "snapshot {} of {}, {} old",
        knowledge.serial,
        stamp(knowledge.created),
        span(report.age())
    )
}

/// The sources of the snapshot, each with the day of its data.
pub fn sources(view: &View<'_>) -> String {
    let sources = view.report.knowledge.sources.iter();
    let sources: Vec<String> = sources.map(|(name, time)| format!("{name} {}", day(*time))).collect();
    sources.join(", ")
}

/// `9.8`
pub fn score(entry: &Entry<'_>) -> Option<String> {
    let value = entry.finding.leading()?.value()?;
    Some(format!("{value:.1}"))
}

/// A chance as people read it: `86 %`, `0.04 %`.
pub fn percent(chance: f32) -> String {
    let percent = f64::from(chance) * 100.0;
    match percent {
        p if p >= 10.0 => format!("{p:.0} %"),
        p if p >= 1.0 => format!("{p:.1} %"),
        p => format!("{p:.2} %"),
    }
}

/// The word for so many.
pub fn plural(count: u64, word: &str) -> String {
    match word.strip_suffix('y') {
        _ if count == 1 => word.to_owned(),
        Some(stem) if stem.ends_with(|c: char| !"aeiou".contains(c)) => format!("{stem}ies"),
        _ => format!("{word}s"),
    }
}

/// RFC 3339, UTC, whole seconds.
pub fn rfc3339(unix: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

/// A point in time as a record writes it, brought into RFC 3339; `None` where it is none.
pub fn instant(text: &str) -> Option<String> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return time.format(&Rfc3339).ok();
    }
    // NVD writes no offset and means UTC.
    let time = OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339).ok()?;
    time.format(&Rfc3339).ok()
}

/// `2026-11-22 14:30 UTC`
pub fn stamp(unix: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))
        .unwrap_or_default()
}

/// `2026-11-22`
pub fn day(unix: i64) -> String {
    stamp(unix).chars().take(10).collect()
}

/// `5 minutes`, `3 days`, `2 years`: one number is enough.
pub fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let (count, unit) = match seconds.max(0) {
        s if s < 2 * MINUTE => (s, "second"),
        s if s < 2 * HOUR => (s / MINUTE, "minute"),
        s if s < 2 * DAY => (s / HOUR, "hour"),
        s if s < 60 * DAY => (s / DAY, "day"),
        s if s < 730 * DAY => (s / (30 * DAY), "month"),
        s => (s / (365 * DAY), "year"),
    };
    format!("{count} {}", plural(count.unsigned_abs(), unit))
}

/// A page about a vulnerability, where its id tells which.
pub fn page(id: &str) -> Option<String> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match id.split_once('-')?.0 {
        "CVE" if plain => Some(format!("https://nvd.nist.gov/vuln/detail/{id}")),
        "GHSA" if plain => Some(format!("https://github.com/advisories/{id}")),
        "GO" if plain => Some(format!("https://pkg.go.dev/vuln/{id}")),
        _ if plain => Some(format!("https://osv.dev/vulnerability/{id}")),
        _ => None,
    }
}

/// Who gives out ids like this.
pub fn authority(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("CVE") => "CVE",
        Some("GHSA") => "GHSA",
        Some("GO") => "Go vulnerability database",
        Some("BIT") => "Bitnami",
        _ => "OSV",
    }
}

/// Whether an address can stand in a document as it is: absolute, for a browser, and without anything that an address cannot hold.
pub fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |b: u8| b.is_ascii_graphic() && !br#"<>"{}|\^`[]"#.contains(&b);
    let Some(rest) = rest else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let escapes = |text: &str| {
        text.split('%')
            .skip(1)
            .all(|after| after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
    };
    let host_byte = |b: u8| b.is_ascii_alphanumeric() || br"-.:_".contains(&b);
    !host.is_empty() && host.bytes().all(host_byte) && text.bytes().all(allowed) && escapes(text) && text.matches('#').count() < 2
}

/// A text as a relative reference: what an address cannot hold, and what would make it something else, is percent-encoded. An address stays.
pub fn reference(text: &str) -> String {
    use std::fmt::Write as _;
    if is_address(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A number as it was meant before it was stored in 32 bits: 9.8 and not 9.800000190734863.
pub fn decimals(value: f32, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (f64::from(value) * scale).round() / scale
}

/// Writes JSON in which nothing acts on a terminal: what `cli_kit::escape` would escape stands as `\uXXXX`, which reads as the same text.
pub fn json(value: &impl Serialize, indented: bool, out: &mut dyn Write) -> io::Result<()> {
    if indented {
        let formatter = Visible(PrettyFormatter::with_indent(b" "));
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    } else {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Visible(CompactFormatter)))?;
    }
    out.write_all(b"\n")
}

struct Visible<F>(F);

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if matches!(cli_kit::escape(fragment), std::borrow::Cow::Borrowed(_)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for c in fragment.chars() {
            let text = c.encode_utf8(&mut buffer);
            if matches!(cli_kit::escape(text), std::borrow::Cow::Borrowed(_)) {
                writer.write_all(text.as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_reads_the_same() {
        let text = "a\u{202e}b\u{7f}\u{9b}31m\u{e0041}\"é\n";
        let mut out = Vec::new();
        json(&[text], false, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out.clone()).unwrap(),
            "[\"a\\u202eb\\u007f\\u009b31m\\udb40\\udc41\\\"é\\n\"]\n"
        );
        assert_eq!(serde_json::from_slice::<Vec<String>>(&out).unwrap(), [text]);
    }

    #[test]
    fn addresses() {
        for good in [
            "https://a.b/c?d=e#f",
            "http://localhost:80/%20",
            "https://curl.se/docs/CVE-2020-8177.html",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "ftp://a",
            "javascript:alert(1)",
            "https://",
            "https://a b",
            "https://a/\u{202e}",
            "https://a/%zz",
            "https://a/<b>",
            "https://u@h/",
            "https://a#b#c",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        assert_eq!(
            page("CVE-2020-8177").as_deref(),
            Some("https://nvd.nist.gov/vuln/detail/CVE-2020-8177")
        );
        assert_eq!(page("CVE-<b>"), None);
        assert_eq!(page("x"), None);
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant("2024-03-29T17:15:00.123").as_deref(), Some("2024-03-29T17:15:00.123Z"));
        assert_eq!(instant("2024-03-29T17:15:00+02:00").as_deref(), Some("2024-03-29T17:15:00+02:00"));
        assert_eq!(instant("yesterday"), None);
        assert_eq!(
            (span(86_400 * 3), stamp(1_795_357_800)),
            ("3 days".to_owned(), "2026-11-22 14:30 UTC".to_owned())
        );
        assert_eq!(
            (percent(0.86), percent(0.0004), percent(0.025)),
            ("86 %".to_owned(), "0.04 %".to_owned(), "2.5 %".to_owned())
        );
    }
}
