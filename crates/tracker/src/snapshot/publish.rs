//! A snapshot after each match, in its place.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use attest::signature::SecretKey;

use super::{KeyError, MakeError, Newest, Shelf, make, own_key, read_key, replace, tells_secrets};
use crate::config::{ConfigError, data_dir};
use crate::progress::Progress;
use crate::store::{Store, StoreError};

/// Why no snapshot was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no key.
    #[error("publish a snapshot")]
    Key(#[source] KeyError),
    /// There is no place for a key.
    #[error("publish a snapshot")]
    NoFolder(#[source] ConfigError),
    /// It could not be made.
    #[error("publish a snapshot")]
    Make(#[source] MakeError),
    /// The database failed.
    #[error("publish a snapshot")]
    Store(#[source] StoreError),
    /// It could not be written.
    #[error("write the snapshot {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Shelf {
    /// Takes the snapshot away if it tells of a channel that is private by now, whether or not another one can be made yet: other servers may
    /// hand out the same file.
    fn withdraw(&self, store: &dyn Store) -> Result<(), PublishError> {
        // One that cannot be read is replaced as soon as another one can be made.
        let Some(newest) = self.newest().ok().flatten() else {
            return Ok(());
        };
        if tells_secrets(&newest, store).map_err(PublishError::Store)? {
            let path = self.path();
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!("snapshot.withdrawn"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(PublishError::Write { path, source }),
            }
        }
        Ok(())
    }

    /// Makes a snapshot, unless the newest one is younger than the last match; answers its number. Nothing is made while records wait to be
    /// matched: whoever matches them makes one. One that tells of what is private by now is taken away before anything else.
    pub fn renew(&self, store: &dyn Store) -> Result<Option<u64>, PublishError> {
        self.withdraw(store)?;
        let channels = store.channels().map_err(PublishError::Store)?;
        let Some(matched) = channels.iter().filter_map(|channel| channel.matched_at).max() else {
            return Ok(None);
        };
        // One that cannot be read, of an older version for example, is replaced.
        let is_current = |newest: &Newest| {
            // A channel that became private, or that is gone, is in no snapshot any longer.
            let is_known = |name: &str| channels.iter().any(|channel| channel.name == name);
            newest.header().created > matched && newest.header().channels.iter().all(|channel| is_known(&channel.name))
        };
        if self.newest().ok().flatten().is_some_and(|newest| is_current(&newest)) {
            return Ok(None);
        }
        let key = self.signing_key()?;
        // Pages speak of feeds and matching: this is neither.
        let (header, sealed) = match make(store, &Progress::default()) {
            // The next look is soon.
            Err(MakeError::Unmatched | MakeError::Changed) => return Ok(None),
            made => made.map_err(PublishError::Make)?,
        };
        let path = self.path();
        let failed = |source| PublishError::Write {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(self.folder()).map_err(failed)?;
        let public = key.public();
        // The key first: a scanner that finds a snapshot finds its key.
        let beside = path.with_file_name(format!("{}.pub", Self::NAME));
        replace(&beside, |file| writeln!(file, "{public}")).map_err(failed)?;
        let (serial, sign) = (header.serial, |message: &[u8]| (*public.as_bytes(), key.sign(message)));
        replace(&path, |file| sealed.write(header, sign, file)).map_err(failed)?;
        Ok(Some(serial))
    }

    fn signing_key(&self) -> Result<SecretKey, PublishError> {
        match self.key() {
            Some(path) => read_key(path).map_err(PublishError::Key),
            None => {
                let path = data_dir().map_err(PublishError::NoFolder)?.join("snapshot.key");
                own_key(&path).map(|(key, _)| key).map_err(PublishError::Key)
            }
        }
    }
}
