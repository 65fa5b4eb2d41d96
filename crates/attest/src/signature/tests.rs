use std::process::Command;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// RFC 8032, section 7.1: secret key, public key, message, signature.
const VECTORS: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn vectors_of_rfc_8032() {
    for [secret, public, message, signature] in VECTORS {
        let key = SecretKey::from_seed(&bytes(secret).try_into().unwrap()).unwrap();
        assert_eq!(key.public().to_string(), format!("firn-key-1:{public}"));
        assert_eq!(key.sign(&bytes(message)).to_vec(), bytes(signature));
        key.public().verify(&bytes(message), &bytes(signature)).unwrap();
    }
}

#[test]
fn another_message_key_or_signature_is_refused() {
    let (key, _) = SecretKey::generate().unwrap();
    let (other, _) = SecretKey::generate().unwrap();
    let signature = key.sign(b"message");
    key.public().verify(b"message", &signature).unwrap();
    assert_eq!(
        key.public().verify(b"massage", &signature),
        Err(SignatureError::Wrong(key.public()))
    );
    assert!(other.public().verify(b"message", &signature).is_err());
    for at in [0, 31, 32, 63] {
        let mut flipped = signature;
        flipped[at] ^= 1;
        assert!(key.public().verify(b"message", &flipped).is_err(), "byte {at}");
    }
    assert!(key.public().verify(b"message", &signature[..63]).is_err());
    assert!(key.public().verify(b"message", b"").is_err());
}

#[test]
fn keys_survive_their_text() {
    let (key, text) = SecretKey::generate().unwrap();
    let read = SecretKey::from_pem(&text).unwrap();
    assert_eq!(read.public(), key.public());
    assert_eq!(format!("{key:?}"), format!("SecretKey(of {})", key.public()));
    let line = key.public().to_string();
    assert_eq!(format!("{line}\n").parse(), Ok(key.public()));
    for bad in [
        "",
        "firn-key-1:",
        &line[..line.len() - 1],
        &line.replace("firn-key-1", "firn-key-2"),
        &line.replace(':', ":g"),
        &format!("{line}00"),
    ] {
        assert_eq!(bad.parse::<PublicKey>(), Err(SignatureError::Public), "{bad}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let (_, text) = SecretKey::generate().unwrap();
    let body = text.lines().nth(1).unwrap();
    let pem = |body: &str| format!("{BEGIN}\n{body}\n{END}\n");
    assert!(SecretKey::from_pem(&pem(body)).is_ok());
    for bad in [
        String::new(),
        BEGIN.to_string(),
        pem(""),
        pem("===="),
        pem(&body[..60]),
        pem(&body[1..]),
        pem(&"A".repeat(4000)),
        pem(&body.replacen("MC4", "MC5", 1)),
    ] {
        assert!(matches!(SecretKey::from_pem(&bad), Err(SignatureError::Secret(_))), "{bad}");
    }
}

#[test]
fn base64_of_every_length() {
    for len in 0..70u8 {
        let bytes: Vec<u8> = (0..len).map(|n| n.wrapping_mul(37)).collect();
        assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes), "{len}");
    }
    assert_eq!(to_base64(b"firn"), "Zmlybg==");
    assert_eq!(from_base64("Zmly\nbg=="), Some(b"firn".to_vec()));
    assert_eq!(from_base64("Zmlyb"), None);
    assert_eq!(from_base64("Zm=y"), None);
}

/// OpenSSL reads our keys and checks our signatures; we read its keys and check its signatures.
#[test]
fn openssl_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl").args(arguments).current_dir(dir.path()).output().unwrap();
        assert!(
            run.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        run.stdout
    };
    let (key, text) = SecretKey::generate().unwrap();
    std::fs::write(at("ours.pem"), text).unwrap();
    std::fs::write(at("message"), b"a message").unwrap();
    std::fs::write(at("ours.sig"), key.sign(b"a message")).unwrap();
    openssl(&["pkey", "-in", "ours.pem", "-pubout", "-out", "ours.pub"]);
    openssl(&[
        "pkeyutl", "-verify", "-pubin", "-inkey", "ours.pub", "-rawin", "-in", "message", "-sigfile", "ours.sig",
    ]);
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "theirs.pem"]);
    openssl(&[
        "pkeyutl",
        "-sign",
        "-inkey",
        "theirs.pem",
        "-rawin",
        "-in",
        "message",
        "-out",
        "theirs.sig",
    ]);
    let theirs = SecretKey::from_pem(&std::fs::read_to_string(at("theirs.pem")).unwrap()).unwrap();
    let der = openssl(&["pkey", "-in", "theirs.pem", "-pubout", "-outform", "DER"]);
    assert_eq!(der[der.len() - 32..], *theirs.public().as_bytes());
    theirs
        .public()
        .verify(b"a message", &std::fs::read(at("theirs.sig")).unwrap())
        .unwrap();
}
