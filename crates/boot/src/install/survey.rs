//! What is on a partition. Nothing is believed because of its name: images are judged, kernels and initrds hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;

use boot_formats::Sha256Digest;
use boot_formats::authenticode::has_right_checksum;
use boot_formats::pe::Pe;
use boot_formats::siglist::SignatureList;
use boot_formats::trust::{Examined, Keyring, Verdict, examine};
use boot_formats::uki::{Kind, Profile};

use super::source::{Originals, hash_and_compare};
use super::{ENTRIES, FOLDERS, IMAGES, PROGRAMS, SHARED};
use crate::esp::{Disk, EntryName, EspError, Item, Space, shared_digest};
use crate::parallel::in_parallel;

/// Whose signatures count.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// The certificate that signs now.
    pub now: Vec<SignatureList>,
    /// All that firmware with our keys trusts, that one included.
    pub any: Vec<SignatureList>,
}

/// A partition as it was found.
#[derive(Debug, Clone)]
pub struct Survey {
    /// All files in the folders that we look into, by path.
    pub items: BTreeMap<String, u64>,
    /// Which of these folders are there.
    pub folders: BTreeSet<String>,
    /// What is known of images: entries, loaders, programs.
    pub images: BTreeMap<String, Image>,
    /// Digests of files; an error's text for those that cannot be read.
    pub digests: BTreeMap<String, Result<Sha256Digest, String>>,
    /// Entries that are text, ours and those of others, with the files that they start.
    pub texts: BTreeMap<String, Vec<String>>,
    /// Kernels and initrds elsewhere that have the same bytes as one here: digest and size.
    pub originals: BTreeMap<PathBuf, (Sha256Digest, u64)>,
    /// How much room there is.
    pub space: Space,
}

/// What is known of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Authenticode digest, if it is an image at all.
    pub digest: Option<Sha256Digest>,
    /// Why the firmware would not start it if it knew nothing but the key that signs now.
    pub refused_now: Option<String>,
    /// Why firmware with all of our keys would not start it.
    pub refused: Option<String>,
    /// Its command line.
    pub command_line: Option<String>,
    /// Its title.
    pub os_release: Option<String>,
    /// Files that it takes from the partition, with their digests.
    pub references: Vec<(String, Sha256Digest)>,
    /// Which loader it says it is, as `systemd-boot 257.5`.
    pub loader: Option<String>,
    /// Whether it can be read as an image.
    pub is_image: bool,
}

/// Looks at a partition. Files whose originals are guessed are compared with them while they are hashed.
pub fn survey(disk: &dyn Disk, trusted: &Trusted, guesses: &Originals) -> Result<Survey, EspError> {
    let mut items = BTreeMap::new();
    let mut folders = BTreeSet::new();
    for folder in FOLDERS {
        for Item { path, size } in disk.list(folder).map_err(EspError::io(disk, "list", folder))? {
            items.insert(canonical(&path), size);
        }
        if disk.has_folder(folder) {
            folders.insert(folder.to_owned());
        }
    }
    let now = Keyring::of(&trusted.now);
    let any = Keyring::of(&trusted.any);
    let paths: Vec<&String> = items.keys().filter(|p| is_image(p)).collect();
    let images: BTreeMap<String, Image> = paths
        .iter()
        .map(|p| (*p).clone())
        .zip(in_parallel(&paths, |path| image(disk, path, &now, &any)))
        .collect();
    let referred = images.values().flat_map(|i| i.references.iter().map(|(path, _)| path));
    let known = items.keys().filter(|p| is_known_by_content(p));
    let to_hash: BTreeSet<&String> = referred.chain(known).filter(|p| items.contains_key(*p)).collect();
    let to_hash: Vec<&String> = to_hash.into_iter().collect();
    let guessed = guesses.of_images(images.iter());
    let found = in_parallel(&to_hash, |path| {
        let hashed = disk
            .open(path)
            .and_then(|file| hash_and_compare(file, guessed.get(path.as_str()).copied()));
        hashed.map_err(|e| format!("cannot be read: {e}"))
    });
    let (mut digests, mut originals) = (BTreeMap::new(), BTreeMap::new());
    for (path, found) in to_hash.into_iter().zip(found) {
        if let (Ok(found), Some(original)) = (&found, guessed.get(path.as_str()))
            && found.is_same
        {
            originals.insert((*original).to_owned(), (found.digest, found.size));
        }
        digests.insert(path.clone(), found.map(|found| found.digest));
    }
    let texts = items.keys().filter(|path| path.starts_with(ENTRIES) && path.ends_with(".conf"));
    let texts = texts.map(|path| (path.clone(), started_by(disk, path))).collect();
    let space = disk.space().map_err(EspError::io(disk, "look at", ""))?;
    Ok(Survey {
        items,
        folders,
        images,
        digests,
        texts,
        originals,
        space,
    })
}

/// Files that an entry of text starts; none if it cannot be read, as the loader sees it too.
fn started_by(disk: &dyn Disk, path: &str) -> Vec<String> {
    const LONGEST: u64 = 64 << 10;
    let mut bytes = Vec::new();
    if disk.open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let files = text.lines().filter_map(|line| {
        let (key, file) = line.trim().split_once(char::is_whitespace)?;
        let starts = matches!(key, "linux" | "initrd" | "efi" | "uki" | "devicetree");
        let file = file.trim().replace('\\', "/");
        let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        starts.then(|| canonical(&parts.join("/")))
    });
    files.collect()
}

/// Paths as we write them: FAT passes over case, and so do we for names of ours.
fn canonical(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let ours = EntryName::parse(file).is_some() || shared_digest(file).is_some();
    let loaders = [super::loader::LOADER, super::loader::FALLBACK];
    if let Some(known) = loaders.iter().find(|l| l.eq_ignore_ascii_case(path)) {
        return (*known).into();
    }
    match path.rsplit_once('/') {
        Some((folder, file)) if ours => format!("{folder}/{}", file.to_ascii_lowercase()),
        _ => path.into(),
    }
}

fn is_image(path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else {
        return false;
    };
    let is_efi = file.to_ascii_lowercase().ends_with(".efi");
    match folder {
        IMAGES => EntryName::parse(file).is_some(),
        PROGRAMS => is_efi,
        _ => path == super::loader::LOADER || path == super::loader::FALLBACK,
    }
}

/// Files of ours that are no images.
fn is_known_by_content(path: &str) -> bool {
    match path.rsplit_once('/') {
        Some((SHARED, file)) => shared_digest(file).is_some(),
        Some(("loader", file)) => matches!(file, "loader.conf" | "entries.srel"),
        Some((super::ENTRIES, file)) => file.starts_with("firn-"),
        _ => false,
    }
}

/// Larger than any loader or image.
const LARGEST: u64 = 2 << 30;

fn image(disk: &dyn Disk, path: &str, now: &Keyring<'_>, any: &Keyring<'_>) -> Image {
    let mut bytes = Vec::new();
    let read = disk.open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => {
            let is_loader = path == super::loader::LOADER || path == super::loader::FALLBACK;
            judged(&bytes, is_loader, now, any)
        }
        Err(error) => {
            let why = Some(format!("cannot be read: {error}"));
            Image {
                refused_now: why.clone(),
                refused: why,
                ..Image::default()
            }
        }
    }
}

fn judged(bytes: &[u8], is_loader: bool, now: &Keyring<'_>, any: &Keyring<'_>) -> Image {
    let pe = match Pe::parse(bytes) {
        Ok(pe) => pe,
        Err(error) => {
            let why = Some(error.to_string());
            return Image {
                refused_now: why.clone(),
                refused: why,
                ..Image::default()
            };
        }
    };
    let examined: Examined<'_> = examine(&pe);
    let has_right_checksum = has_right_checksum(&pe);
    let refusal = |db: &Keyring<'_>| match examined.verdict(db, &Keyring::default()) {
        Verdict::Refused(refusal) => Some(refusal.to_string()),
        _ if !has_right_checksum => Some("its checksum is not that of the file".into()),
        _ => None,
    };
    let sections: Vec<(&[u8], &[u8])> = pe
        .headers()
        .sections
        .iter()
        .zip(pe.headers().names(bytes))
        .map(|(s, n)| (n, pe.data(s)))
        .collect();
    let profile = Profile::select(&sections, 0).unwrap_or_default();
    let text = |kind| profile.text(kind).ok().flatten().map(str::to_owned);
    let references = [Kind::Linux, Kind::Initrd].into_iter().filter_map(|kind| {
        let reference = profile.reference(kind).ok().flatten()?;
        let path = reference.path.trim_start_matches('\\').replace('\\', "/");
        Some((canonical(&path), reference.digest))
    });
    Image {
        digest: Some(examined.digest),
        refused_now: refusal(now),
        refused: refusal(any),
        command_line: text(Kind::CommandLine),
        os_release: text(Kind::OsRelease),
        references: references.collect(),
        loader: is_loader.then(|| loader_info(bytes)).flatten(),
        is_image: true,
    }
}

/// What a loader says of itself, which systemd's `bootctl` looks for too.
#[must_use]
pub fn loader_info(bytes: &[u8]) -> Option<String> {
    const BEGIN: &[u8] = b"#### LoaderInfo: ";
    const END: &[u8] = b" ####";
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|w| w == what);
    // systemd keeps it in a section of its own; older ones have it among their data.
    let pe = Pe::parse(bytes).ok();
    let section = pe.as_ref().and_then(|pe| pe.section_data(".sdmagic")).unwrap_or(bytes);
    let section = if section.len() > (4 << 20) { return None } else { section };
    let rest = section.get(find(section, BEGIN)? + BEGIN.len()..)?;
    let text = rest.get(..find(rest.get(..200.min(rest.len()))?, END)?)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

impl Survey {
    /// Entries of ours, by path.
    pub fn entries(&self) -> impl Iterator<Item = (&str, EntryName, &Image)> {
        self.images.iter().filter_map(|(path, image)| {
            let file = path.strip_prefix(IMAGES)?.strip_prefix('/')?;
            Some((path.as_str(), EntryName::parse(file)?, image))
        })
    }

    /// What is wrong with a file that an image refers to.
    #[must_use]
    pub fn reference_problem(&self, path: &str, digest: &Sha256Digest) -> Option<String> {
        match self.digests.get(path) {
            None => Some("is not there".into()),
            Some(Err(why)) => Some(why.clone()),
            Some(Ok(found)) if found != digest => Some(format!("has SHA-256 {}", boot_formats::trust::Hex(found))),
            Some(Ok(_)) => None,
        }
    }

    /// Whether an entry would be started by firmware with our keys, with all that it refers to.
    #[must_use]
    pub fn is_whole(&self, image: &Image) -> bool {
        image.refused.is_none()
            && image
                .references
                .iter()
                .all(|(path, digest)| self.reference_problem(path, digest).is_none())
    }

    /// Bytes of kernels and initrds, as they take room.
    #[must_use]
    pub fn shared_bytes(&self) -> u64 {
        let shared = self.items.iter().filter(|(path, _)| path.starts_with(SHARED));
        shared.map(|(_, size)| self.space.taken(*size)).sum()
    }
}
