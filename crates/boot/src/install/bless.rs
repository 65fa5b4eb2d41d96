//! Keeping an entry that was booted and found good: its name loses the counter.

use super::IMAGES;
use crate::esp::{Disk, EntryId, EntryName, EspError};

/// Takes the counter from an entry's name; gives the new name, or `None` if nothing had to be changed.
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
    let failed = EspError::io(disk, "rename to", &good);
    disk.rename(&counted, &good).map_err(failed)?;
    let failed = EspError::io(disk, "sync folder", IMAGES);
    disk.sync_folder(IMAGES).map_err(failed)?;
    Ok(Some(good))
}
