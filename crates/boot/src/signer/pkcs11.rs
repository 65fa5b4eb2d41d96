use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use boot_formats::certificate::OwnedCertificate;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use super::{Signer, SignerError};

/// A key in a security module: a smart card, a YubiKey, an HSM.
pub struct Pkcs11Signer {
    session: Mutex<Session>,
    key: ObjectHandle,
    certificate: OwnedCertificate,
}

/// Where a key is: `pkcs11:token=T;object=O?module-path=/usr/lib/...so&pin-source=/run/pin`. After RFC 7512, the parts we need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// Label of the token; any, if there is but one.
    pub token: Option<String>,
    /// Label of the key.
    pub object: Option<String>,
    /// The module's library.
    pub module: PathBuf,
    /// File that holds the PIN.
    pub pin_source: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// Reads an address. Parts that we do not know are refused: they would select another key.
    pub fn parse(text: &str) -> Result<Self, SignerError> {
        let wrong = |what: &str| SignerError::Address(what.into());
        let rest = text
            .strip_prefix("pkcs11:")
            .ok_or_else(|| wrong("it does not begin with pkcs11:"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for part in path.split(';').chain(query.split('&')).filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong("a part has no ="))?;
            let value = percent_decoded(value).ok_or_else(|| wrong("a part is not percent-encoded UTF-8"))?;
            match name {
                "token" => uri.token = Some(value),
                "object" => uri.object = Some(value),
                "type" if value == "private" => {}
                "module-path" => uri.module = value.into(),
                "pin-source" => uri.pin_source = Some(value.strip_prefix("file:").unwrap_or(&value).into()),
                other => return Err(wrong(&format!("{other} is not known"))),
            }
        }
        if uri.module.as_os_str().is_empty() {
            return Err(wrong("it names no library: add ?module-path=/path/to/module.so"));
        }
        Ok(uri)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, after) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

impl Pkcs11Signer {
    /// Opens the module, logs in and finds the key.
    pub fn open(uri: &Pkcs11Uri, pin: Option<&str>, certificate: OwnedCertificate) -> Result<Self, SignerError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source: Error| SignerError::Module {
                what,
                source: Box::new(source),
            }
        };
        let module = Pkcs11::new(&uri.module).map_err(failed(&format!("load the library {}", uri.module.display())))?;
        module
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .map_err(failed("start the library"))?;
        let mut slot = None;
        for candidate in module.get_slots_with_token().map_err(failed("list the tokens"))? {
            let label = module.get_token_info(candidate).map_err(failed("ask a token"))?.label().to_owned();
            if uri.token.as_ref().is_none_or(|t| *t == label) {
                slot = Some(candidate);
                break;
            }
        }
        let slot = slot.ok_or_else(|| SignerError::Address("no token has that label".into()))?;
        let session = module.open_ro_session(slot).map_err(failed("open a session"))?;
        if let Some(pin) = pin {
            session
                .login(UserType::User, Some(&AuthPin::new(pin.into())))
                .map_err(failed("log in"))?;
        }
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        template.extend(uri.object.as_ref().map(|o| Attribute::Label(o.as_bytes().to_vec())));
        let key = session
            .find_objects(&template)
            .map_err(failed("look for the key"))?
            .first()
            .copied();
        let key = key.ok_or_else(|| SignerError::Address("the token has no such private key, or wants a PIN first".into()))?;
        Ok(Self {
            session: Mutex::new(session),
            key,
            certificate,
        })
    }
}

impl Signer for Pkcs11Signer {
    fn certificate(&self) -> &OwnedCertificate {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        // A session does one thing at a time. One that somebody panicked with is as good as before.
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = session.sign(&Mechanism::Sha256RsaPkcs, self.key, message);
        signed.map_err(|source| SignerError::Module {
            what: "sign with the key".into(),
            source: Box::new(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let uri =
            Pkcs11Uri::parse("pkcs11:token=my%20token;object=db;type=private?module-path=/lib/x.so&pin-source=file:/run/pin").unwrap();
        assert_eq!(
            uri,
            Pkcs11Uri {
                token: Some("my token".into()),
                object: Some("db".into()),
                module: "/lib/x.so".into(),
                pin_source: Some("/run/pin".into())
            }
        );
        for bad in [
            "token=x",
            "pkcs11:token",
            "pkcs11:token=%zz?module-path=/x",
            "pkcs11:id=%01?module-path=/x",
            "pkcs11:token=x",
        ] {
            assert!(Pkcs11Uri::parse(bad).is_err(), "{bad}");
        }
    }
}
