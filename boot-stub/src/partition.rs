//! Files of the partition we were started from.

use alloc::string::String;
use alloc::vec::Vec;

use uefi::boot::{self, ScopedProtocol};
use uefi::fs::{FileSystem, Path};
use uefi::proto::device_path::DevicePath;
use uefi::proto::media::fs::SimpleFileSystem;
use uefi::{CString16, Status};

use crate::image::Image;

/// Largest file that is read: more than any initrd, less than what exhausts memory.
const LARGEST: u64 = 2 << 30;

/// The partition, or none: images also come over the network.
pub struct Partition {
    files: Option<FileSystem>,
    /// Its device path.
    device_path: Vec<u8>,
}

impl Partition {
    /// Where the image came from.
    pub fn of(image: &Image) -> Self {
        let files = image
            .device
            .and_then(|device| boot::open_protocol_exclusive::<SimpleFileSystem>(device).ok());
        let path: Option<ScopedProtocol<DevicePath>> = image.device.and_then(|device| boot::open_protocol_exclusive(device).ok());
        Self {
            files: files.map(FileSystem::new),
            device_path: path.map(|p| p.as_bytes().to_vec()).unwrap_or_default(),
        }
    }

    /// A whole file.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, Status> {
        self.read_at_most(path, LARGEST)
    }

    /// A whole file, if it is no larger than so many bytes.
    pub fn read_at_most(&mut self, path: &str, most: u64) -> Result<Vec<u8>, Status> {
        let files = self.files.as_mut().ok_or(Status::NO_MEDIA)?;
        let path = CString16::try_from(path).map_err(|_| Status::INVALID_PARAMETER)?;
        let path: &Path = path.as_ref().into();
        let size = files.metadata(path).map_err(|e| status(&e))?.file_size();
        if size > most {
            return Err(Status::BAD_BUFFER_SIZE);
        }
        let bytes = files.read(path).map_err(|e| status(&e))?;
        Ok(bytes)
    }

    /// Replaces a file.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Status> {
        let files = self.files.as_mut().ok_or(Status::NO_MEDIA)?;
        let path = CString16::try_from(path).map_err(|_| Status::INVALID_PARAMETER)?;
        let path: &Path = path.as_ref().into();
        files.write(path, bytes).map_err(|e| status(&e))
    }

    /// The files of a folder whose names end so (in small or large letters), sorted by name. A folder that is not there has none.
    pub fn names(&mut self, folder: &str, end: &str) -> Vec<String> {
        let (Some(files), Ok(folder)) = (self.files.as_mut(), CString16::try_from(folder)) else {
            return Vec::new();
        };
        let folder: &Path = folder.as_ref().into();
        let Ok(entries) = files.read_dir(folder) else {
            return Vec::new();
        };
        let names = entries.take(MOST_FILES).filter_map(Result::ok).filter(|e| e.is_regular_file());
        let mut names: Vec<String> = names
            .map(|e| String::from(&CString16::from(e.file_name())))
            .filter(|n| n.to_ascii_lowercase().ends_with(end))
            .collect();
        names.sort();
        names
    }

    /// The device path of a file.
    pub fn device_path_of(&self, path: &str) -> Option<Vec<u8>> {
        boot_formats::device_path::of_file(&self.device_path, path)
    }
}

/// More entries than a folder of ours has.
const MOST_FILES: usize = 1024;

fn status(error: &uefi::fs::Error) -> Status {
    match error {
        uefi::fs::Error::Io(io) => io.uefi_error.status(),
        _ => Status::INVALID_PARAMETER,
    }
}
