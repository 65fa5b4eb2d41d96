use std::path::Path;

use boot_formats::Guid;
use boot_formats::authvar::KeyVariable;
use boot_formats::certificate::{NewCertificate, OwnedCertificate, Time};
use boot_formats::pem::pem;
use boot_formats::sha256;
use rsa::pkcs8::der::zeroize::Zeroizing;
use rsa::pkcs8::pkcs5::{pbes2, scrypt};
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding, PrivateKeyInfo};
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::Sha256;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use time::{Duration, OffsetDateTime};

use super::{KeyError, KeyFolder, OWN};
use crate::files;
use crate::signer::FileSigner;

/// What keys are to be made.
#[derive(Debug, Clone)]
pub struct NewKeys {
    /// Bits of each RSA key.
    pub bits: usize,
    /// Owner of our entries; random if `None`.
    pub owner: Option<Guid>,
    /// Organization in the certificates.
    pub organization: Option<String>,
    /// Common name, to which the variable's name is added.
    pub common_name: String,
    /// Years that the certificates say they are valid. Firmware does not look.
    pub years: u16,
    /// When they begin to be.
    pub now: OffsetDateTime,
}

/// Makes keys and certificates for all variables. Nothing that exists is touched.
pub fn create(folder: &KeyFolder, new: &NewKeys) -> Result<(), KeyError> {
    for name in OWN
        .iter()
        .flat_map(|v| [format!("{}.key", v.name()), format!("{}.pem", v.name())])
        .chain(["owner".into()])
    {
        let path = folder.at(&name);
        if path.exists() {
            return Err(KeyError::Exists { path });
        }
    }
    files::create_folder(folder.path())?;
    for variable in OWN {
        write(folder, folder.path(), variable, new)?;
    }
    write_owner(folder, new.owner)
}

fn write_owner(folder: &KeyFolder, owner: Option<Guid>) -> Result<(), KeyError> {
    let owner = owner.unwrap_or_else(|| {
        let mut bytes = [0; 16];
        OsRng.fill_bytes(&mut bytes);
        Guid::from_random(bytes)
    });
    Ok(files::write(&folder.at("owner"), format!("{owner}\n").as_bytes())?)
}

/// Makes a key that exists our own for a variable: of this file's bytes, which the folder's passphrase opens if they are
/// encrypted, and which stay as they are. Nothing that exists is touched; the folder is made if it is not there.
pub fn adopt(
    folder: &KeyFolder,
    variable: KeyVariable,
    key: (&Path, &[u8]),
    certificate: &OwnedCertificate,
    owner: Option<Guid>,
) -> Result<(), KeyError> {
    // Fails if it is no key, or not the certificate's.
    folder.open(key.0, |passphrase| FileSigner::new(key.0, key.1, passphrase, certificate.clone()))?;
    let [key_path, certificate_path] = ["key", "pem"].map(|end| folder.at(&format!("{}.{end}", variable.name())));
    for path in [&key_path, &certificate_path] {
        if path.exists() {
            return Err(KeyError::Exists { path: path.clone() });
        }
    }
    files::create_folder(folder.path())?;
    if !folder.at("owner").exists() {
        write_owner(folder, owner)?;
    }
    files::create_secret(&key_path, key.1)?;
    files::write(&certificate_path, pem(certificate.der()).as_bytes())?;
    Ok(())
}

/// Makes a new key for a variable. Certificate and key that were there move to `previous/`, and still count.
pub fn rotate(folder: &KeyFolder, variable: KeyVariable, new: &NewKeys) -> Result<(), KeyError> {
    let previous = folder.at("previous");
    files::create_folder(&previous)?;
    let names = [format!("{}.pem", variable.name()), format!("{}.key", variable.name())];
    for name in &names {
        if previous.join(name).exists() {
            return Err(KeyError::Exists { path: previous.join(name) });
        }
    }
    // The new pair first: if that fails, nothing has changed.
    let fresh = folder.at("new");
    files::create_folder(&fresh)?;
    for name in &names {
        // Left by a rotation that was cut short before anything else was touched.
        files::remove(&fresh.join(name))?;
    }
    write(folder, &fresh, variable, new)?;
    for name in &names {
        rename(&folder.at(name), &previous.join(name))?;
        rename(&fresh.join(name), &folder.at(name))?;
    }
    // Empty now; if it is not, somebody else's files are in it.
    let _ = std::fs::remove_dir(fresh);
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), KeyError> {
    match std::fs::rename(from, to) {
        // A key that is kept elsewhere is no key here.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && from.extension().is_some_and(|e| e == "key") => Ok(()),
        other => other.map_err(|source| files::FileError::Write { path: to.into(), source }.into()),
    }
}

fn write(folder: &KeyFolder, at: &Path, variable: KeyVariable, new: &NewKeys) -> Result<(), KeyError> {
    let encode = |e: &dyn std::fmt::Display| KeyError::Encode(e.to_string());
    let key = RsaPrivateKey::new(&mut OsRng, new.bits).map_err(KeyError::Generate)?;
    let certificate = certificate(&key, &format!("{} {}", new.common_name, variable.name()), new)?;
    let text = match &folder.passphrase {
        Some(passphrase) => encrypted(&key, passphrase),
        None => key.to_pkcs8_pem(LineEnding::LF),
    };
    let text = text.map_err(|e| encode(&e))?;
    files::create_secret(&at.join(format!("{}.key", variable.name())), text.as_bytes())?;
    files::write(&at.join(format!("{}.pem", variable.name())), pem(certificate.der()).as_bytes())?;
    Ok(())
}

/// A key under a passphrase. The cost of a guess is what OpenSSL still reads: 16 MiB of memory.
fn encrypted(key: &RsaPrivateKey, passphrase: &[u8]) -> rsa::pkcs8::Result<Zeroizing<String>> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut iv);
    let cost = scrypt::Params::new(14, 8, 1, 32).map_err(|_| rsa::pkcs8::Error::ParametersMalformed)?;
    let parameters = pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv)?;
    let plain = key.to_pkcs8_der()?;
    let encrypted = PrivateKeyInfo::try_from(plain.as_bytes())?.encrypt_with_params(parameters, passphrase)?;
    Ok(encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)?)
}

fn certificate(key: &RsaPrivateKey, common_name: &str, new: &NewKeys) -> Result<OwnedCertificate, KeyError> {
    let info = key
        .to_public_key()
        .to_public_key_der()
        .map_err(|e| KeyError::Encode(e.to_string()))?;
    let mut serial = [0; 16];
    OsRng.fill_bytes(&mut serial);
    // Positive, and of full length.
    serial[0] = serial[0] & 0x7f | 0x40;
    let certificate = NewCertificate {
        common_name,
        organization: new.organization.as_deref(),
        serial: &serial,
        // A day earlier, for machines whose clocks are behind.
        validity: (
            at(new.now - Duration::DAY),
            at(new.now + Duration::days(366 * i64::from(new.years))),
        ),
        public_key_info: info.as_bytes(),
    };
    let to_sign = certificate.to_sign();
    let signature = key
        .sign_with_rng(&mut OsRng, Pkcs1v15Sign::new::<Sha256>(), &sha256(&to_sign))
        .map_err(KeyError::Generate)?;
    let der = NewCertificate::finish(&to_sign, &signature);
    OwnedCertificate::new(&der).map_err(|e| KeyError::Encode(e.to_string()))
}

/// A moment as certificates have it.
#[must_use]
pub fn at(moment: OffsetDateTime) -> Time {
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        moment.year().clamp(1970, 9999),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    );
    Time(text.as_bytes().try_into().unwrap_or(*b"99991231235959"))
}
