//! The loader: systemd-boot, its configuration, and other programs in its menu.

use std::cmp::Ordering;

use super::survey::{Survey, loader_info};
use super::wanted::{Forge, ForgeError, Wanted, text};
use super::{ENTRIES, PROGRAMS};
use crate::esp::EntryId;

/// Where systemd-boot is.
pub const LOADER: &str = "EFI/systemd/systemd-bootx64.efi";
/// Where firmware looks that knows nothing.
pub const FALLBACK: &str = "EFI/BOOT/BOOTX64.EFI";
/// Its configuration.
pub const CONFIGURATION: &str = "loader/loader.conf";
/// What says to other tools which kind of entries there are.
const KIND: &str = "loader/entries.srel";

/// How the menu is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// Seconds it is shown; `None` leaves it to the loader.
    pub timeout: Option<u32>,
    /// Whether command lines can be edited in it, where Secure Boot is off.
    pub editor: bool,
    /// More lines.
    pub lines: Vec<String>,
}

/// Text of the configuration. `newest`: whether what is to be booted is what comes first in the menu anyway; then an entry
/// that turned out bad gives way to the next. A loader takes one pattern only.
#[must_use]
pub fn configuration(menu: &Menu, default: &EntryId, newest: bool) -> Wanted {
    let mut lines = vec!["# Written by firn-boot; changes are lost.".to_owned()];
    lines.extend(menu.timeout.map(|t| format!("timeout {t}")));
    lines.push(if newest && default.specialisation.is_none() {
        let mut first = default.to_string();
        first.truncate(first.len() - default.generation.to_string().len());
        format!("default {first}*")
    } else {
        // Behind the name stands `.efi`, or a counter.
        format!("default {default}[.+]*")
    });
    lines.push(format!("editor {}", if menu.editor { "yes" } else { "no" }));
    lines.extend(menu.lines.iter().cloned());
    lines.push(String::new());
    text(CONFIGURATION, lines.join("\n"))
}

/// The loader at both of its places, unless a newer one of the same kind, signed by the same key, is there already; and what
/// there is to say about that.
pub fn loaders(binary: &[u8], survey: &Survey, forge: &Forge<'_>) -> Result<(Vec<Wanted>, Vec<String>), ForgeError> {
    let (mut wanted, mut notes) = (Vec::new(), Vec::new());
    let ours = loader_info(binary);
    for path in [LOADER, FALLBACK] {
        let there = survey.images.get(path);
        let theirs = there.and_then(|i| i.loader.as_deref());
        if let (Some(image), None) = (there, theirs)
            && path == FALLBACK
            && image.is_image
        {
            notes.push(format!("{path} is not systemd-boot and was left alone"));
            continue;
        }
        let newer = match (ours.as_deref(), theirs) {
            (Some(ours), Some(theirs)) => is_newer(theirs, ours),
            _ => false,
        };
        // A newer one of ours is kept; but one that is damaged or signed by another key is no loader to keep.
        if newer && there.is_some_and(|i| i.refused_now.is_none()) {
            notes.push(format!(
                "{path} is {}, newer than {}, and was kept",
                theirs.unwrap_or("?"),
                ours.as_deref().unwrap_or("?")
            ));
            continue;
        }
        wanted.push(forge.program(path, binary)?);
    }
    wanted.push(text(KIND, "type1\n".into()));
    Ok((wanted, notes))
}

/// Whether one loader is a later version of the other. Vendors write what they like behind the version proper; it counts last.
#[must_use]
pub fn is_newer(one: &str, other: &str) -> bool {
    let split = |text: &str| -> Option<(String, String)> {
        let (name, version) = text.split_once(' ')?;
        Some((name.to_owned(), version.to_owned()))
    };
    match (split(one), split(other)) {
        (Some((name, one)), Some((other_name, other))) => name == other_name && compare(&one, &other) == Ordering::Greater,
        _ => false,
    }
}

/// Order of versions after UAPI.10.
#[must_use]
pub fn compare(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    let known = |c: &u8| c.is_ascii_alphanumeric() || b"-.~^".contains(c);
    loop {
        a = a.get(a.iter().position(known).unwrap_or(a.len())..).unwrap_or_default();
        b = b.get(b.iter().position(known).unwrap_or(b.len())..).unwrap_or_default();
        // Lowest first: what a tilde begins, the end, what a dash begins, a caret, a dot.
        let weight = |rest: &[u8]| match rest.first() {
            Some(b'~') => 0,
            None => 1,
            Some(b'-') => 2,
            Some(b'^') => 3,
            Some(b'.') => 4,
            Some(_) => 5,
        };
        let weights = (weight(a), weight(b));
        if weights.0 != weights.1 {
            return weights.0.cmp(&weights.1);
        }
        if weights.0 == 1 {
            return Ordering::Equal;
        }
        if weights.0 != 5 {
            (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
            continue;
        }
        let digits = |rest: &[u8]| rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let (da, db) = (digits(a), digits(b));
        let (run_a, run_b, order);
        if da > 0 || db > 0 {
            // A number is later than letters.
            if da == 0 || db == 0 {
                return da.cmp(&db);
            }
            let number = |rest: &[u8], n: usize| -> Vec<u8> {
                let digits = rest.get(..n).unwrap_or_default();
                digits.iter().copied().skip_while(|d| *d == b'0').collect()
            };
            let (x, y) = (number(a, da), number(b, db));
            (run_a, run_b) = (da, db);
            order = (x.len(), x).cmp(&(y.len(), y));
        } else {
            let letters = |rest: &[u8]| rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
            (run_a, run_b) = (letters(a), letters(b));
            order = a.get(..run_a).cmp(&b.get(..run_b));
        }
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a.get(run_a..).unwrap_or_default(), b.get(run_b..).unwrap_or_default());
    }
}

/// A program in the menu: its signed image, and an entry for it.
pub fn program(name: &str, binary: &[u8], forge: &Forge<'_>) -> Result<Vec<Wanted>, ForgeError> {
    let path = format!("{PROGRAMS}/{name}.efi");
    let image = forge.program(&path, binary)?;
    // Behind the generations, whatever their sort key.
    let entry = format!("title {name}\nefi /{path}\nsort-key zz-firn-{name}\n");
    let mut entry = text(&format!("{ENTRIES}/firn-{name}.conf"), entry);
    entry.needs.push(path);
    Ok(vec![image, entry])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_vendors_have_an_order() {
        // Each is later than the one before it.
        let ascending = [
            "252~rc1",
            "252",
            "252-1",
            "252.4-1.fc37",
            "252.4-1ubuntu1",
            "252.39-1~deb12u2",
            "252.39-1",
            "254.1",
            "255 (255.2-3-arch)",
            "256",
            "257.5",
            "257.10",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&other_at), "{one} against {other}");
            }
        }
        assert_eq!(compare("1.02", "1.2"), Ordering::Equal);
        assert!(is_newer("systemd-boot 257", "systemd-boot 256.9"));
        assert!(!is_newer("other-boot 257", "systemd-boot 256"));
        assert!(!is_newer("systemd-boot 256", "systemd-boot 256"));
    }

    #[test]
    fn the_newest_by_pattern_an_older_one_by_name() {
        let text = |id: &EntryId, newest| match configuration(&Menu::default(), id, newest).supply {
            super::super::wanted::Supply::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            _ => String::new(),
        };
        let id = EntryId::new(None, 12, None);
        assert!(text(&id, true).contains("\ndefault nixos-generation-*\n"));
        assert!(text(&id, false).contains("\ndefault nixos-generation-12[.+]*\n"));
        let safe = EntryId::new(Some("test"), 12, Some("safe"));
        assert!(text(&safe, true).contains("\ndefault nixos-test-generation-12.safe[.+]*\n"));
    }
}
