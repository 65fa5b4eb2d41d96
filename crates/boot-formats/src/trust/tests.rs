use super::*;
use crate::authenticode::with_signature;
use crate::certificate::tests::{Identity, foreign, ours};
use crate::pe::tests::image;
use crate::pkcs7::Draft;
use crate::siglist::{SHA256, Signature, X509, X509_SHA256};

fn sign(bytes: &[u8], identity: &Identity) -> Vec<u8> {
    let pe = Pe::parse(bytes).unwrap();
    let draft = Draft::of_image(identity.certificate.parts().unwrap(), &digest(&pe));
    with_signature(&pe, &draft.finish(&identity.sign(draft.to_sign())).unwrap()).unwrap()
}

fn list(kind: Guid, data: &[u8]) -> Vec<SignatureList> {
    alloc::vec![SignatureList {
        kind,
        header: Vec::new(),
        signatures: alloc::vec![Signature {
            owner: Guid([1; 16]),
            data: data.to_vec()
        }]
    }]
}

fn verdict(bytes: &[u8], db: &[SignatureList], dbx: &[SignatureList]) -> Verdict {
    judge(&Pe::parse(bytes).unwrap(), &Keyring::of(db), &Keyring::of(dbx)).verdict
}

fn plain() -> Vec<u8> {
    image(&[(".text", &[7; 700]), (".cmdline", b"quiet")])
}

#[test]
fn a_signed_image_starts() {
    let db = list(X509, ours().certificate.der());
    let signed = sign(&plain(), ours());
    assert_eq!(verdict(&signed, &db, &[]), Verdict::BySignature("ours".into()));
    assert_eq!(signed, sign(&plain(), ours()), "not reproducible");
    // A second signature, of whomever, takes nothing away.
    assert_eq!(verdict(&sign(&signed, foreign()), &db, &[]), Verdict::BySignature("ours".into()));
}

#[test]
fn an_image_in_db_starts() {
    let pe = plain();
    let db = list(SHA256, &digest(&Pe::parse(&pe).unwrap()));
    assert_eq!(verdict(&pe, &db, &[]), Verdict::ByHash);
}

#[test]
fn attack_unsigned() {
    let db = list(X509, ours().certificate.der());
    assert_eq!(verdict(&plain(), &db, &[]), Verdict::Refused(Refusal::Unsigned));
}

#[test]
fn attack_foreign_key() {
    let db = list(X509, ours().certificate.der());
    assert_eq!(
        verdict(&sign(&plain(), foreign()), &db, &[]),
        Verdict::Refused(Refusal::Untrusted("foreign".into()))
    );
}

#[test]
fn attack_one_flipped_bit() {
    let db = list(X509, ours().certificate.der());
    let signed = sign(&plain(), ours());
    let at = signed.windows(5).position(|w| w == b"quiet").unwrap();
    let mut bad = signed.clone();
    bad[at] ^= 1;
    assert_eq!(verdict(&bad, &db, &[]), Verdict::Refused(Refusal::NoValidSignature));
    let judged = judge(&Pe::parse(&bad).unwrap(), &Keyring::of(&db), &Keyring::default());
    assert!(matches!(judged.signatures[0].problem, Some(Problem::OtherImage { .. })));
}

#[test]
fn attack_revoked_by_hash() {
    let db = list(X509, ours().certificate.der());
    let signed = sign(&plain(), ours());
    let hash = digest(&Pe::parse(&signed).unwrap());
    assert_eq!(
        verdict(&signed, &db, &list(SHA256, &hash)),
        Verdict::Refused(Refusal::HashRevoked(hash))
    );
}

#[test]
fn attack_revoked_by_certificate() {
    let db = list(X509, ours().certificate.der());
    let signed = sign(&plain(), ours());
    let revoked = Verdict::Refused(Refusal::CertificateRevoked("ours".into()));
    assert_eq!(verdict(&signed, &db, &list(X509, ours().certificate.der())), revoked);
    let mut entry = ours().certificate.parts().unwrap().tbs_digest().to_vec();
    entry.extend_from_slice(&[0; 16]);
    assert_eq!(verdict(&signed, &db, &list(X509_SHA256, &entry)), revoked);
    // A revoked signature counts even beside a good one.
    let db = [db, list(X509, foreign().certificate.der())].concat();
    assert_eq!(
        verdict(&sign(&signed, foreign()), &db, &list(X509, ours().certificate.der())),
        revoked
    );
}
