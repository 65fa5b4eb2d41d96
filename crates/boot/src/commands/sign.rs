use boot_formats::authenticode::{signatures, without_signatures};
use boot_formats::pe::Pe;
use boot_formats::sha256;
use boot_formats::trust::{Keyring, judge};
use cli_kit::{Exit, Failure};

use super::{Voice, certificate, signer};
use crate::cli::Sign;
use crate::files;
use crate::signer::{SignerError, attach, image_to_sign, sign_image};

pub fn run(arguments: &Sign, voice: &mut Voice) -> Result<Exit, Failure> {
    let image = files::read(&arguments.file)?;
    let at = |failure: Failure| failure.while_trying(format!("sign {}", arguments.file.display()));
    let pe = Pe::parse(&image).map_err(|e| at(SignerError::Image(e).into()))?;
    signatures(&pe).map_err(|e| at(SignerError::Table(e).into()))?;
    let image = if arguments.replace || arguments.remove {
        without_signatures(&pe)
    } else {
        image.clone()
    };
    if let Some(out) = &arguments.to_sign {
        let Some(path) = &arguments.key.certificate else {
            return Err(Failure::usage("no certificate to sign for"));
        };
        files::write(out, &image_to_sign(&image, &certificate(path)?).map_err(|e| at(e.into()))?)?;
        voice.talk.say(&format!(
            "sign {} with SHA-256 and RSA PKCS #1 v1.5, then attach it with --signature",
            out.display()
        ));
        return Ok(Exit::Clean);
    }
    let signed = if arguments.remove {
        image
    } else if let (Some(signature), Some(path)) = (&arguments.signature, &arguments.key.certificate) {
        attach(&image, &certificate(path)?, &files::read(signature)?).map_err(|e| at(e.into()))?
    } else {
        let signer = signer(&arguments.key)?.ok_or_else(|| {
            Failure::usage("nothing to sign with")
                .hint("give --keys DIR, or --certificate FILE with --key, --pkcs11, --signer-command or --signature")
        })?;
        // Signing twice with the same key says nothing new, and the image would not be the same any more.
        let ours = sha256(signer.certificate().der());
        let pe = Pe::parse(&image).map_err(|e| at(SignerError::Image(e).into()))?;
        let judged = judge(&pe, &Keyring::default(), &Keyring::default());
        if judged.signatures.iter().any(|s| s.problem.is_none() && s.fingerprint == Some(ours)) {
            voice
                .talk
                .say(&format!("{} bears a signature of this key already", arguments.file.display()));
            image
        } else {
            sign_image(&image, signer.as_ref()).map_err(|e| at(e.into()))?
        }
    };
    if let Some(out) = &arguments.out {
        files::write(out, &signed)?;
    }
    Ok(Exit::Clean)
}
