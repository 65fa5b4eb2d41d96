//! Keeping an entry that was booted and found good: its name loses the counter.

use std::io;

use super::{IMAGES, UNFINISHED};
use crate::esp::{Disk, EntryId, EntryName, EspError};

/// Takes the counter from an entry's name; gives the new name, or `None` if nothing had to be changed.
///
/// The entry is copied, and goes under its old name once the copy is on the medium: FAT has no moment at which a file changes
/// its name, and this entry may be the only one that boots. Without room for a copy it is renamed.
pub fn bless(disk: &mut dyn Disk, id: &EntryId) -> Result<Option<String>, EspError> {
    let listed = disk.list(IMAGES).map_err(EspError::io(disk, "list", IMAGES))?;
    let there = listed.into_iter().find_map(|item| {
        let name = EntryName::parse(item.path.rsplit('/').next()?)?;
        (name.id == *id && name.tries.is_some()).then_some(item.path)
    });
    let Some(counted) = there else { return Ok(None) };
    let good = format!(
        "{IMAGES}/{}",
        EntryName {
            id: id.clone(),
            tries: None
        }
    );
    let beside = format!("{good}{UNFINISHED}");
    let mut from = disk.open(&counted).map_err(EspError::io(disk, "read", &counted))?;
    let failed = EspError::io(disk, "write", &beside);
    match disk.write(&beside, from.as_mut()) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            let failed = EspError::io(disk, "remove", &beside);
            match disk.remove(&beside) {
                // There was no room even for its name.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(failed)?,
            }
            rename(disk, &counted, &good)?;
        }
        written => {
            written.map_err(failed)?;
            let failed = EspError::io(disk, "sync", &beside);
            disk.sync(std::slice::from_ref(&beside)).map_err(failed)?;
            rename(disk, &beside, &good)?;
            let failed = EspError::io(disk, "remove", &counted);
            disk.remove(&counted).map_err(failed)?;
            let failed = EspError::io(disk, "sync folder", IMAGES);
            disk.sync_folder(IMAGES).map_err(failed)?;
        }
    }
    Ok(Some(good))
}

fn rename(disk: &mut dyn Disk, from: &str, to: &str) -> Result<(), EspError> {
    let failed = EspError::io(disk, "rename to", to);
    disk.rename(from, to).map_err(failed)?;
    let failed = EspError::io(disk, "sync folder", IMAGES);
    disk.sync_folder(IMAGES).map_err(failed)
}
