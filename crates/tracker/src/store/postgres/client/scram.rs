//! SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove that they know the password, neither says it.
//!
//! Passwords are used as they are, without SASLprep: the same for ASCII, and for what is normalised already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

use super::Error;

/// Its name.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// A server that asks for more wants to keep us busy; PostgreSQL asks for 4096 unless told otherwise.
const MOST_ROUNDS: u32 = 10_000_000;

/// A login on its way.
pub struct Scram {
    password: String,
    /// Our first message, with the header that says that the channel is not bound.
    first: String,
    nonce: String,
    /// Of the server, once it was computed.
    signature: Option<[u8; 32]>,
}

/// `n,,`: no channel binding, no other identity. PostgreSQL takes the user's name from the start of the connection.
const HEADER: &str = "n,,";

impl Scram {
    /// Begins a login.
    pub fn new(password: &str, nonce: &[u8]) -> Self {
        Self::with(password, "", STANDARD.encode(nonce))
    }

    fn with(password: &str, user: &str, nonce: String) -> Self {
        Self {
            password: password.to_owned(),
            first: format!("{HEADER}n={user},r={nonce}"),
            nonce,
            signature: None,
        }
    }

    /// Our first message.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// Our answer to the server's challenge.
    pub fn answer(&mut self, challenge: &[u8]) -> Result<String, Error> {
        let wrong = |what: &str| Error::Login(format!("the server's challenge {what}"));
        let challenge = std::str::from_utf8(challenge).map_err(|_| wrong("is no text"))?;
        let field = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (field("r="), field("s="), field("i=")) else {
            return Err(wrong("lacks a part"));
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(wrong("answers somebody else"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| wrong("has no salt"))?;
        let rounds: u32 = rounds.parse().map_err(|_| wrong("has no number of rounds"))?;
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(wrong("asks for an unreasonable number of rounds"));
        }
        let salted = salted_password(self.password.as_bytes(), &salt, rounds);
        let client_key = hmac(&salted, b"Client Key");
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(HEADER));
        let bare = self.first.strip_prefix(HEADER).unwrap_or(&self.first);
        let all = format!("{bare},{challenge},{without_proof}");
        let signature = hmac(&Sha256::digest(client_key), all.as_bytes());
        let mut proof = client_key;
        proof.iter_mut().zip(signature).for_each(|(key, byte)| *key ^= byte);
        self.signature = Some(hmac(&hmac(&salted, b"Server Key"), all.as_bytes()));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server knows the password too.
    pub fn verify(&self, last: &[u8]) -> Result<(), Error> {
        let stated = last.strip_prefix(b"v=").and_then(|text| STANDARD.decode(text).ok());
        match (&self.signature, stated) {
            (Some(ours), Some(stated)) if ours.as_slice() == stated => Ok(()),
            _ => Err(Error::Login("the server does not prove that it knows the password".into())),
        }
    }
}

/// Logs in at a server that says this, with a password and a nonce of no worth: whether it proves that it knows the password.
pub fn log_in(challenge: &[u8], last: &[u8]) -> Result<bool, Error> {
    let mut login = Scram::with("pencil", "user", "rOprNGfwEbeRWgbNEkqO".to_owned());
    login.answer(challenge)?;
    Ok(login.verify(last).is_ok())
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    mac(key).chain_update(text).finalize().into_bytes().into()
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length: the error cannot happen, and an empty key would only fail the login.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// PBKDF2 with one block.
fn salted_password(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let keyed = mac(password);
    let mut last: [u8; 32] = keyed
        .clone()
        .chain_update(salt)
        .chain_update([0, 0, 0, 1])
        .finalize()
        .into_bytes()
        .into();
    let mut all = last;
    for _ in 1..rounds {
        last = keyed.clone().chain_update(last).finalize().into_bytes().into();
        all.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn the_example_of_the_standard() {
        let mut login = Scram::with("pencil", "user", "rOprNGfwEbeRWgbNEkqO".into());
        assert_eq!(login.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            login.answer(challenge).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        login.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(login.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=").is_err());
    }

    #[test]
    fn security_a_challenge_for_another_is_refused() {
        let login = || Scram::with("pencil", "user", "abc".into());
        for bad in [
            "r=xyz123,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=abc1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=abc1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
            "r=abc1,s=!,i=1",
            "",
        ] {
            assert!(login().answer(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(login().verify(b"v=").is_err());
    }
}
