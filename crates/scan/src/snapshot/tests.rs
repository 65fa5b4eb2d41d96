use attest::signature::SecretKey;

use super::made::World;
use super::*;

const NOW: i64 = 1_800_000_000;

struct Place {
    dir: tempfile::TempDir,
    key: SecretKey,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            key: SecretKey::generate().unwrap().0,
        };
        fs::write(place.dir.path().join("key.pub"), format!("# ours\n{}\n", place.key.public())).unwrap();
        place
    }

    fn folders(&self) -> Folders {
        let at = |name: &str| self.dir.path().join(name);
        Folders {
            data: at("data"),
            config: at("config"),
            state: at("state"),
        }
    }

    fn bytes(&self, serial: u64, age_in_days: i64) -> Vec<u8> {
        World {
            channels: Vec::new(),
            records: Vec::new(),
            quiet: &[],
            serial,
            created: NOW - age_in_days * DAY,
        }
        .snapshot(&self.key)
    }

    fn wanted(&self, bytes: &[u8]) -> Wanted {
        let file = self.dir.path().join("snapshot");
        fs::write(&file, bytes).unwrap();
        Wanted {
            file: Some(file),
            trust: vec![self.dir.path().join("key.pub")],
            ..Wanted::default()
        }
    }

    fn open(&self, bytes: &[u8]) -> Result<(Snapshot, Vec<String>), OpenError> {
        open(&self.wanted(bytes), &self.folders(), NOW)
    }
}

/// The error as a user sees it, without the folder of the test.
fn said(place: &Place, error: OpenError) -> String {
    let text = cli_kit::Failure::from(error).render(false);
    let key = place.key.public().to_string();
    text.replace(&place.dir.path().display().to_string(), "DIR").replace(&key, "KEY")
}

#[test]
fn one_that_is_trusted_and_fresh_is_opened_in_silence() {
    let place = Place::new();
    let (snapshot, warnings) = place.open(&place.bytes(5, 1)).unwrap();
    assert_eq!((snapshot.header().serial, warnings), (5, Vec::new()));
    let all = check(&snapshot, Path::new("x")).unwrap();
    assert_eq!(all.len(), Table::ALL.len());
}

#[test]
fn nobody_is_trusted_without_being_named() {
    let place = Place::new();
    let mut wanted = place.wanted(&place.bytes(1, 0));
    wanted.trust.clear();
    let error = open(&wanted, &place.folders(), NOW).unwrap_err();
    assert_eq!(
        (error.exit(), said(&place, error).as_str()),
        (
            Exit::Usage,
            "\
error: check the snapshot DIR/snapshot: no key is trusted
hint: --trust KEY.pub names the key of whoever made it (DIR/snapshot.pub, if you did), or put that file into DIR/config/trusted-keys
"
        )
    );
    // A key in the folder of keys will do; files with other names are not looked at.
    let keys = place.folders().keys();
    fs::create_dir_all(&keys).unwrap();
    fs::write(keys.join("notes.txt"), "no key").unwrap();
    fs::copy(place.dir.path().join("key.pub"), keys.join("a.pub")).unwrap();
    assert!(open(&wanted, &place.folders(), NOW).is_ok());
    fs::write(keys.join("b.pub"), "no key").unwrap();
    assert!(matches!(open(&wanted, &place.folders(), NOW), Err(OpenError::NoKey { .. })));
}

#[test]
fn security_a_foreign_key_is_refused() {
    let place = Place::new();
    let (other, _) = SecretKey::generate().unwrap();
    let bytes = World {
        channels: Vec::new(),
        records: Vec::new(),
        quiet: &[],
        serial: 1,
        created: NOW,
    }
    .snapshot(&other);
    let error = place.open(&bytes).unwrap_err();
    assert!(
        matches!(&error, OpenError::ForeignKey { key, .. } if *key == other.public()),
        "{error:?}"
    );
    assert_eq!(error.exit(), Exit::Incomplete);
    // To write our key into it makes it no better.
    let mut forged = bytes;
    let at = forged.windows(32).position(|w| w == other.public().as_bytes()).unwrap();
    forged[at..at + 32].copy_from_slice(place.key.public().as_bytes());
    assert!(matches!(place.open(&forged), Err(OpenError::Signature { .. })));
}

#[test]
fn security_flipped_bytes_are_noticed() {
    let place = Place::new();
    let good = place.bytes(3, 0);
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        let opened = place.open(&bytes).and_then(|(snapshot, _)| check(&snapshot, Path::new("x")));
        assert!(opened.is_err(), "byte {at}");
    }
    let mut header = good.clone();
    header[20] ^= 1;
    let error = place.open(&header).unwrap_err();
    assert_eq!(
        said(&place, error),
        "\
error: check the snapshot DIR/snapshot: its header or its signature was changed
  caused by: check a signature: it was not made by KEY for these bytes
hint: it was damaged on its way, or somebody changed it: get it again
"
    );
}

#[test]
fn security_truncated_and_lengthened_files_are_called_so() {
    let place = Place::new();
    let good = place.bytes(3, 0);
    let error = place.open(&good[..good.len() - 2]).unwrap_err();
    assert_eq!(
        said(&place, error),
        format!(
            "\
error: use the snapshot DIR/snapshot
  caused by: read the snapshot: it has {} of {} bytes, the rest is missing
hint: it was damaged on its way: get it again
",
            good.len() - 2,
            good.len()
        )
    );
    let mut longer = good.clone();
    longer.extend(b"more");
    assert!(matches!(
        place.open(&longer),
        Err(OpenError::Format {
            source: SnapshotError::TooLong { more: 4 },
            ..
        })
    ));
    assert!(matches!(
        place.open(b"no snapshot at all"),
        Err(OpenError::Format {
            source: SnapshotError::Foreign,
            ..
        })
    ));
    let missing = Wanted {
        file: Some(place.dir.path().join("none")),
        ..Wanted::default()
    };
    assert!(matches!(open(&missing, &place.folders(), NOW), Err(OpenError::Open { .. })));
    assert!(matches!(open(&Wanted::default(), &place.folders(), NOW), Err(OpenError::None(_))));
}

#[test]
fn other_formats_say_what_to_do() {
    let place = Place::new();
    let mut bytes = place.bytes(3, 0);
    bytes[8] = 9;
    let error = place.open(&bytes).unwrap_err();
    assert_eq!(error.exit(), Exit::Incomplete);
    assert_eq!(
        said(&place, error),
        "\
error: use the snapshot DIR/snapshot
  caused by: read the snapshot: its format is 9, this program knows 4
hint: a newer firn-scan reads it
"
    );
    bytes[8] = 0;
    assert!(said(&place, place.open(&bytes).unwrap_err()).contains("its format 0 is older than 4 and not read any more"));
}

#[test]
fn old_ones_warn_and_very_old_ones_fail() {
    let place = Place::new();
    assert_eq!(place.open(&place.bytes(1, 7)).unwrap().1, Vec::<String>::new());
    assert_eq!(
        place.open(&place.bytes(2, 8)).unwrap().1,
        ["the snapshot is 8 days old: what was found since is missing"]
    );
    assert_eq!(place.open(&place.bytes(3, 30)).unwrap().1.len(), 1);
    let error = place.open(&place.bytes(4, 31)).unwrap_err();
    assert_eq!(error.exit(), Exit::Incomplete);
    assert_eq!(
        said(&place, error),
        "\
error: use the snapshot DIR/snapshot: it is 31 days old, and what was found since is missing
hint: get a newer one, or --allow-stale
"
    );
    let wanted = Wanted {
        allow_stale: true,
        ..place.wanted(&place.bytes(4, 400))
    };
    assert_eq!(open(&wanted, &place.folders(), NOW).unwrap().1.len(), 1);
    assert_eq!(place.open(&place.bytes(5, -3)).unwrap().1.len(), 1, "from the future");
}

#[test]
fn security_an_older_one_than_was_seen_is_refused() {
    let place = Place::new();
    place.open(&place.bytes(7, 1)).unwrap();
    place.open(&place.bytes(7, 1)).unwrap();
    place.open(&place.bytes(9, 1)).unwrap();
    let old = place.bytes(7, 1);
    let error = place.open(&old).unwrap_err();
    assert_eq!(
        said(&place, error),
        "\
error: use the snapshot DIR/snapshot: its serial is 7, and 9 of the same key was seen before
hint: somebody may be hiding what was found since; --allow-rollback takes it all the same
"
    );
    let wanted = Wanted {
        allow_rollback: true,
        ..place.wanted(&old)
    };
    assert_eq!(open(&wanted, &place.folders(), NOW).unwrap().1.len(), 1);
    assert!(place.open(&old).is_err(), "to take it once does not make it the latest");
    // Another key counts by itself.
    let (other, _) = SecretKey::generate().unwrap();
    let bytes = World {
        channels: Vec::new(),
        records: Vec::new(),
        quiet: &[],
        serial: 1,
        created: NOW,
    }
    .snapshot(&other);
    fs::write(place.dir.path().join("key.pub"), other.public().to_string()).unwrap();
    assert!(place.open(&bytes).is_ok());
}

#[test]
fn a_state_that_cannot_be_kept_is_said() {
    let place = Place::new();
    fs::write(place.dir.path().join("state"), "in the way").unwrap();
    let (_, warnings) = place.open(&place.bytes(1, 0)).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("could not be noted"), "{warnings:?}");
}
