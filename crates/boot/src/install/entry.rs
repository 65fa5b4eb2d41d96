//! An entry of the boot menu: what of a generation stands in its image.

use nix_model::bootspec::Bootspec;
use time::OffsetDateTime;

use super::generations::Generation;
use crate::esp::EntryId;

/// A generation or one of its specialisations, as it is to be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which one.
    pub id: EntryId,
    /// For people.
    pub title: String,
    /// Text of `.osrel`, from which a loader takes title, version and sort key.
    pub os_release: String,
    /// Text of `.cmdline`.
    pub command_line: String,
    /// Where kernel, initrd and the program that appends secrets are.
    pub spec: Bootspec,
}

/// The entries of a generation: itself, then its specialisations.
pub fn entries(generation: &Generation) -> Vec<Entry> {
    let mut all = vec![entry(generation, None, &generation.spec)];
    for (name, spec) in &generation.spec.specialisations {
        all.push(entry(generation, Some(name), spec));
    }
    all
}

fn entry(generation: &Generation, specialisation: Option<&str>, spec: &Bootspec) -> Entry {
    let id = EntryId::new(generation.profile.as_deref(), generation.number, specialisation);
    let named = |text: &str, name: Option<&String>| name.map(|n| format!("{text}{n}")).unwrap_or_default();
    let profile = named(" of ", generation.profile.as_ref());
    let title = match specialisation {
        Some(name) => format!("{} ({name}{profile})", spec.label),
        None if generation.profile.is_some() => format!("{} ({})", spec.label, profile.trim()),
        None => spec.label.clone(),
    };
    // Loaders sort by this: the generation itself before its specialisations, which a tilde does.
    let version = format!(
        "Generation {}{}, {}",
        generation.number,
        named("~", id.specialisation.as_ref()),
        date(generation.made)
    );
    let sort_key = spec.sort_key.as_deref().unwrap_or("nixos");
    // One menu sorts by name of the profile first.
    let sort_key = format!("{sort_key}{}", named("-", id.profile.as_ref()));
    let os_release = format!(
        "ID={}\nPRETTY_NAME=\"{}\"\nVERSION_ID=\"{}\"\n",
        quotable(&sort_key).replace(' ', "-"),
        quotable(&title),
        quotable(&version)
    );
    Entry {
        id,
        title,
        os_release,
        command_line: spec.command_line(),
        spec: Bootspec {
            specialisations: std::collections::BTreeMap::new(),
            ..spec.clone()
        },
    }
}

/// Loaders read quotes but not what is escaped in them.
fn quotable(text: &str) -> String {
    text.replace(['"', '\\', '`', '$'], "'")
}

fn date(seconds: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(seconds)
        .map_or(OffsetDateTime::UNIX_EPOCH, |d| d)
        .date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(label: &str, made: i64) -> Generation {
        let spec = Bootspec {
            system: "x86_64-linux".into(),
            label: label.into(),
            toplevel: "/s".into(),
            init: "/s/init".into(),
            kernel: "/k".into(),
            kernel_params: vec!["quiet".into()],
            initrd: None,
            initrd_secrets: None,
            sort_key: None,
            specialisations: std::collections::BTreeMap::new(),
        };
        let mut generation = Generation {
            profile: None,
            number: 12,
            made,
            spec: spec.clone(),
        };
        generation.spec.specialisations.insert("safe".into(), spec);
        generation
    }

    #[test]
    fn an_entry_says_what_it_is() {
        let all = entries(&generation("NixOS 26.05", 1_700_000_000));
        assert_eq!(
            all[0].os_release,
            "ID=nixos\nPRETTY_NAME=\"NixOS 26.05\"\nVERSION_ID=\"Generation 12, 2023-11-14\"\n"
        );
        assert_eq!(
            all[1].os_release,
            "ID=nixos\nPRETTY_NAME=\"NixOS 26.05 (safe)\"\nVERSION_ID=\"Generation 12~safe, 2023-11-14\"\n"
        );
        assert_eq!(all[0].command_line, "init=/s/init quiet");
    }

    #[test]
    fn a_label_cannot_add_lines_or_end_its_quotes() {
        let mut generation = generation("a\" $(x)\\", i64::MAX);
        generation.profile = Some("test".into());
        let text = &entries(&generation)[0].os_release;
        assert_eq!(
            text,
            "ID=nixos-test\nPRETTY_NAME=\"a' '(x)' (of test)\"\nVERSION_ID=\"Generation 12, 1970-01-01\"\n"
        );
    }
}
