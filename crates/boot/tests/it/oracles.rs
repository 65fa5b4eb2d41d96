//! Beside other people's tools: what they sign we verify, what we sign they verify.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boot_formats::authenticode::{has_right_checksum, signatures};
use boot_formats::authvar::SignedValue;
use boot_formats::pe::{NewSection, Pe, X86_64, add_sections, empty_image};
use boot_formats::siglist;
use tempfile::TempDir;

use super::lab::{done, firn, firn_any};

const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
const LOADER: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
const SHIM: &str = "/usr/lib/shim/shimx64.efi.signed";

/// A folder with keys, or `None` (said loudly) where the tools are missing.
fn desk() -> Option<TempDir> {
    let tools = [
        "/usr/bin/osslsigncode",
        "/usr/bin/sbsign",
        "/usr/bin/sign-efi-sig-list",
        STUB,
        LOADER,
        SHIM,
    ];
    if let Some(missing) = tools.iter().find(|t| !Path::new(t).exists()) {
        println!("SKIPPED: comparison with other tools, because {missing} is not installed (cargo xtask test --only boot installs it)");
        return None;
    }
    let desk = tempfile::tempdir().unwrap();
    firn(&[
        "keys",
        "create",
        "--dir",
        &at(&desk, "keys"),
        "--owner",
        "11111111-2222-3333-4444-123456789abc",
    ]);
    Some(desk)
}

/// Debian's kernel, which Debian has signed; or `None`, said loudly.
fn kernel() -> Option<String> {
    let boot = PathBuf::from(std::env::var_os("FIRN_TEST_KERNEL").unwrap_or_default()).join("boot");
    let files = fs::read_dir(boot).into_iter().flatten().flatten().map(|e| e.path());
    let kernel = files
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz")))
        .min();
    if kernel.is_none() {
        println!("SKIPPED: comparison of a kernel's signatures, because FIRN_TEST_KERNEL is not set (cargo xtask test sets it)");
    }
    kernel.map(|k| k.to_str().unwrap().to_owned())
}

fn at(desk: &TempDir, name: &str) -> String {
    desk.path().join(name).to_str().unwrap().to_owned()
}

fn sign(desk: &TempDir, from: &str, name: &str) -> String {
    let out = at(desk, name);
    firn(&["sign", "--keys", &at(desk, "keys"), "--out", &out, from]);
    out
}

fn digest(file: &str) -> String {
    let hashed: serde_json::Value = serde_json::from_str(&firn(&["hash", "--format", "json", file])).unwrap();
    assert_eq!(hashed["images"][0]["checksum_is_right"], true, "{file}");
    hashed["images"][0]["authenticode"].as_str().unwrap().to_owned()
}

#[test]
fn what_we_sign_others_verify() {
    let Some(desk) = desk() else { return };
    let certificate = at(&desk, "keys/db.pem");
    let kernel = kernel();
    for (number, file) in [STUB, LOADER, SHIM].into_iter().chain(kernel.as_deref()).enumerate() {
        let signed = sign(&desk, file, &format!("signed-{number}.efi"));
        assert_eq!(
            fs::read(&signed).unwrap(),
            fs::read(sign(&desk, file, "again.efi")).unwrap(),
            "{file} is not reproducible"
        );
        let said = done(Command::new("sbverify").args(["--cert", &certificate, &signed]));
        assert!(said.contains("Signature verification OK"), "{said}");
        // This one reads the first signature only, and no table with several: those of others go.
        if number >= 2 {
            firn(&["sign", "--replace", "--keys", &at(&desk, "keys"), "--out", &signed, file]);
        }
        {
            let said = done(Command::new("osslsigncode").args(["verify", "-CAfile", &certificate, "-in", &signed]));
            assert!(said.contains("Succeeded"), "{said}");
            let calculated = said.lines().find_map(|l| l.trim().strip_prefix("Calculated message digest"));
            let calculated = calculated.unwrap().trim_start_matches([' ', ':']).trim().to_lowercase();
            assert_eq!(calculated, digest(file), "{said}");
        }
    }
}

#[test]
fn what_others_sign_we_verify() {
    let Some(desk) = desk() else { return };
    let (key, certificate) = (at(&desk, "keys/db.key"), at(&desk, "keys/db.pem"));
    let kernel = kernel();
    for (number, file) in [STUB, LOADER].into_iter().chain(kernel.as_deref()).enumerate() {
        let by_sbsign = at(&desk, &format!("sbsign-{number}.efi"));
        done(Command::new("sbsign").args(["--key", &key, "--cert", &certificate, "--output", &by_sbsign, file]));
        let by_osslsigncode = at(&desk, &format!("osslsigncode-{number}.efi"));
        done(Command::new("osslsigncode").args([
            "sign",
            "-h",
            "sha256",
            "-certs",
            &certificate,
            "-key",
            &key,
            "-in",
            file,
            "-out",
            &by_osslsigncode,
        ]));
        for signed in [&by_sbsign, &by_osslsigncode] {
            assert!(firn(&["verify", "--keys", &at(&desk, "keys"), signed]).contains("starts"));
            assert_eq!(digest(signed), digest(file), "{signed}");
        }
    }
}

#[test]
fn digests_and_signatures_of_debians_images_are_what_others_read() {
    let Some(desk) = desk() else { return };
    let kernel = kernel();
    let files = || [SHIM, LOADER, STUB].into_iter().chain(kernel.as_deref());
    for file in files() {
        let bytes = fs::read(file).unwrap();
        let pe = Pe::parse(&bytes).unwrap();
        assert!(has_right_checksum(&pe), "{file}");
        let listed = Command::new("sbverify").args(["--list", file]).output().unwrap().stdout;
        let listed = String::from_utf8(listed).unwrap();
        let count = listed.lines().filter(|l| l.starts_with("signature ")).count();
        assert_eq!(signatures(&pe).unwrap().len(), count, "{file}: {listed}");
        // An unsigned file is hashed as it will be once it is signed, padded; pesign does not look ahead.
        let hashed = if count == 0 {
            sign(&desk, file, "padded.efi")
        } else {
            file.to_owned()
        };
        let shown = done(Command::new("pesign").args(["--hash", "--in", &hashed]));
        assert!(shown.contains(&digest(file)), "{file}: {shown}");
    }
    let counts: Vec<usize> = files()
        .map(|f| signatures(&Pe::parse(&fs::read(f).unwrap()).unwrap()).unwrap().len())
        .collect();
    assert_eq!(counts[..3], [2, 0, 0], "Debian's shim bears two signatures");
    let Some(python) = python() else { return };
    for file in files().filter(|f| *f != LOADER && *f != STUB) {
        let said = done(Command::new(python.as_os_str()).args(["-c", SIGNIFY, file]));
        let digest = digest(file);
        assert!(said.contains(&format!("computed {digest}")), "{file}: {said}");
        let signed = said.lines().filter(|l| *l == format!("digest {digest} signer True")).count();
        assert_eq!(
            signed,
            signatures(&Pe::parse(&fs::read(file).unwrap()).unwrap()).unwrap().len(),
            "{said}"
        );
    }
}

/// What Debian has signed is trusted because of the certificate inside of Debian's shim.
#[test]
fn debians_kernel_leads_to_debians_certificate() {
    let Some(desk) = desk() else { return };
    let Some(kernel) = kernel() else { return };
    let shim = fs::read(SHIM).unwrap();
    let shim = Pe::parse(&shim).unwrap();
    // .vendor_cert, whose name is too long for its header: sizes of what is trusted and what is not, then their offsets.
    let field = |table: &[u8], at: usize| u32::from_le_bytes(table[at..at + 4].try_into().unwrap()) as usize;
    let mut sections = shim.headers().sections.iter().map(|s| shim.data(s));
    let table = sections
        .find(|t| t.len() > 16 && field(t, 8) == 16 && t[16..].starts_with(&[0x30, 0x82]))
        .unwrap();
    let certificate = at(&desk, "debian.der");
    fs::write(&certificate, &table[16..16 + field(table, 0)]).unwrap();
    let said = firn(&["verify", "--db", &certificate, &kernel]);
    assert!(said.contains("starts: signed, trusted by Debian Secure Boot CA"), "{said}");
    let pem = at(&desk, "debian.pem");
    done(Command::new("openssl").args(["x509", "-inform", "DER", "-in", &certificate, "-out", &pem]));
    assert!(done(Command::new("sbverify").args(["--cert", &pem, &kernel])).contains("Signature verification OK"));
    // One bit of it, and nobody takes it for Debian's any more.
    let mut bytes = fs::read(&kernel).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = at(&desk, "changed");
    fs::write(&changed, bytes).unwrap();
    assert_eq!(firn_any(&["verify", "--db", &certificate, &changed]).status.code(), Some(1));
    let theirs = Command::new("sbverify").args(["--cert", &pem, &changed]).output().unwrap();
    assert!(!theirs.status.success());
}

#[test]
fn signature_lists_are_those_of_efitools() {
    let Some(desk) = desk() else { return };
    firn(&[
        "keys",
        "export",
        "--dir",
        &at(&desk, "keys"),
        "--out",
        &at(&desk, "out"),
        "--timestamp",
        "1767225600",
    ]);
    let theirs = at(&desk, "theirs.esl");
    let owner = "11111111-2222-3333-4444-123456789abc";
    done(Command::new("cert-to-efi-sig-list").args(["-g", owner, &at(&desk, "keys/db.pem"), &theirs]));
    assert_eq!(fs::read(&theirs).unwrap(), fs::read(at(&desk, "out/db.esl")).unwrap());
    // A signed value of theirs has the same parts, and its signature holds by our rules.
    let auth = at(&desk, "theirs.auth");
    let (key, certificate) = (at(&desk, "keys/KEK.key"), at(&desk, "keys/KEK.pem"));
    done(Command::new("sign-efi-sig-list").args(["-t", "2026-01-01 00:00:00", "-k", &key, "-c", &certificate, "db", &theirs, &auth]));
    let (theirs, ours) = (fs::read(&auth).unwrap(), fs::read(at(&desk, "out/db.auth")).unwrap());
    for bytes in [&theirs, &ours] {
        let value = SignedValue::parse(bytes).unwrap();
        let message = boot_formats::authvar::to_sign("db", boot_formats::Guid::SECURITY_DATABASE, 0x27, value.timestamp, value.value);
        let signed = boot_formats::pkcs7::SignedData::parse(value.signature).unwrap();
        assert_eq!(signed.verify_message(&message).unwrap().common_name(), "Firn Secure Boot KEK");
    }
    assert_eq!(SignedValue::parse(&theirs).unwrap().value, SignedValue::parse(&ours).unwrap().value);
    let listed = done(Command::new("sig-list-to-certs").args([&at(&desk, "out/db.esl"), &at(&desk, "listed")]));
    assert!(
        listed.contains("CN=Firn Secure Boot db") || listed.contains("X509 Header"),
        "{listed}"
    );
}

#[test]
fn a_flash_full_of_microsofts_keys_is_read() {
    let Some(desk) = desk() else { return };
    let flash = fs::read("/usr/share/OVMF/OVMF_VARS_4M.ms.fd").unwrap();
    let name: Vec<u8> = "db\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let start = flash
        .windows(name.len() + 16)
        .position(|w| w.starts_with(&name) && w[6..].starts_with(&siglist::X509.0))
        .unwrap()
        + name.len();
    let header = start - name.len() - 60;
    let size = u32::from_le_bytes(flash[header + 40..header + 44].try_into().unwrap()) as usize;
    let list = at(&desk, "microsoft.esl");
    fs::write(&list, &flash[start..start + size]).unwrap();
    // Debian's shim bears Microsoft's signature, which leads to a certificate there.
    let said = firn(&["verify", "--db", &list, SHIM]);
    assert!(said.contains("starts: signed, trusted by Microsoft"), "{said}");
    let output = firn_any(&["verify", "--db", &list, "--dbx", &list, SHIM]);
    assert_eq!(output.status.code(), Some(1), "a revoked authority");
}

#[test]
fn other_readers_of_images_read_ours() {
    let Some(desk) = desk() else { return };
    let Some(python) = python() else { return };
    let image = small_image(&desk);
    let signed = sign(&desk, &image, "small.efi");
    let said = done(Command::new(python).args(["-c", SIGNIFY, &signed]));
    assert!(said.contains("checksum True sections 2"), "{said}");
    assert!(said.contains(&format!("digest {} signer True", digest(&signed))), "{said}");
    assert!(said.contains(&format!("computed {}", digest(&signed))), "{said}");
}

/// An interpreter with pefile and signify, or `None`, said loudly.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("FIRN_TEST_PYTHON").map(PathBuf::from).filter(|p| p.exists());
    if python.is_none() {
        println!("SKIPPED: pefile and signify, because FIRN_TEST_PYTHON is not set");
    }
    python
}

const SIGNIFY: &str = r"
import hashlib, re, sys, pefile
# A library below signify takes 3.0.17 for no version of OpenSSL: it reads single digits.
search = re.search
re.search = lambda pattern, *rest: search(pattern.replace(r'\d\.\d\.\d[', r'\d+\.\d+\.\d+['), *rest) if isinstance(pattern, str) else search(pattern, *rest)
from signify.authenticode import AuthenticodeFile
pe = pefile.PE(sys.argv[1], fast_load=True)
# Summing up megabytes in Python takes minutes.
if len(pe.__data__) < 100_000: print('checksum', pe.verify_checksum(), 'sections', len(pe.sections))
with open(sys.argv[1], 'rb') as f:
    file = AuthenticodeFile.from_stream(f)
    print('computed', file.get_fingerprint(hashlib.sha256).hex())
    for signature in file.signatures:
        print('digest', signature.indirect_data.digest.hex(), 'signer', signature.signer_info.serial_number > 0)
";

fn small_image(desk: &TempDir) -> String {
    let empty = empty_image(X86_64).unwrap();
    let sections = [
        NewSection {
            name: ".text",
            data: &[0xc3; 700],
        },
        NewSection {
            name: ".cmdline",
            data: b"quiet",
        },
    ];
    let path = at(desk, "small-unsigned.efi");
    fs::write(&path, add_sections(&Pe::parse(&empty).unwrap(), &sections).unwrap()).unwrap();
    path
}

#[test]
fn keys_in_a_security_module_sign() {
    let Some(desk) = desk() else { return };
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    if !Path::new(module).exists() {
        println!("SKIPPED: security modules, because softhsm2 is not installed");
        return;
    }
    let configuration = at(&desk, "softhsm.conf");
    fs::create_dir(desk.path().join("tokens")).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\n", at(&desk, "tokens"))).unwrap();
    let key = at(&desk, "keys/db.key");
    let tool = |arguments: &[&str]| done(Command::new("softhsm2-util").env("SOFTHSM2_CONF", &configuration).args(arguments));
    tool(&["--init-token", "--free", "--label", "my token", "--pin", "1234", "--so-pin", "5678"]);
    tool(&[
        "--import", &key, "--token", "my token", "--label", "db", "--id", "01", "--pin", "1234",
    ]);
    let pin = at(&desk, "pin");
    fs::write(&pin, "1234\n").unwrap();
    let address = format!("pkcs11:token=my%20token;object=db?module-path={module}&pin-source={pin}");
    let image = small_image(&desk);
    let out = at(&desk, "by-module.efi");
    let certificate = at(&desk, "keys/db.pem");
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn-boot"));
    command.env("SOFTHSM2_CONF", &configuration);
    done(command.args(["sign", "--certificate", &certificate, "--pkcs11", &address, "--out", &out, &image]));
    assert_eq!(fs::read(&out).unwrap(), fs::read(sign(&desk, &image, "by-file.efi")).unwrap());
    fs::write(&pin, "4321\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn-boot"));
    command.env("SOFTHSM2_CONF", &configuration);
    let wrong = command
        .args(["sign", "--certificate", &certificate, "--pkcs11", &address, "--out", &out, &image])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("log in"));
}

#[test]
fn keys_elsewhere_sign() {
    let Some(desk) = desk() else { return };
    let image = small_image(&desk);
    let by_file = fs::read(sign(&desk, &image, "by-file.efi")).unwrap();
    let (key, certificate) = (at(&desk, "keys/db.key"), at(&desk, "keys/db.pem"));
    let out = at(&desk, "by-command.efi");
    let openssl = format!("openssl dgst -sha256 -sign '{key}'");
    firn(&[
        "sign",
        "--certificate",
        &certificate,
        "--signer-command",
        &openssl,
        "--out",
        &out,
        &image,
    ]);
    assert_eq!(fs::read(&out).unwrap(), by_file);
    // In two steps: what is to be signed goes out, the signature comes back.
    let (to_sign, signature) = (at(&desk, "to-sign"), at(&desk, "signature"));
    firn(&["sign", "--certificate", &certificate, "--to-sign", &to_sign, &image]);
    done(Command::new("openssl").args(["dgst", "-sha256", "-sign", &key, "-out", &signature, &to_sign]));
    let attached = at(&desk, "attached.efi");
    firn(&[
        "sign",
        "--certificate",
        &certificate,
        "--signature",
        &signature,
        "--out",
        &attached,
        &image,
    ]);
    assert_eq!(fs::read(&attached).unwrap(), by_file);
    // A signature over something else is not attached.
    fs::write(&signature, [1; 256]).unwrap();
    let refused = firn_any(&[
        "sign",
        "--certificate",
        &certificate,
        "--signature",
        &signature,
        "--out",
        &attached,
        &image,
    ]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("signature does not fit the certificate"));
    assert_eq!(refused.status.code(), Some(3));
}

#[test]
fn longer_keys_sign_too() {
    let Some(desk) = desk() else { return };
    let image = small_image(&desk);
    for (bits, length) in [("3072", 384), ("4096", 512)] {
        let (key, certificate) = (at(&desk, &format!("{bits}.key")), at(&desk, &format!("{bits}.pem")));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            &format!("rsa:{bits}"),
            "-nodes",
            "-sha256",
            "-subj",
            "/CN=long",
        ]);
        done(openssl.args(["-keyout", &key, "-out", &certificate]));
        let out = at(&desk, &format!("{bits}.efi"));
        firn(&["sign", "--certificate", &certificate, "--key", &key, "--out", &out, &image]);
        let said = done(Command::new("sbverify").args(["--cert", &certificate, &out]));
        assert!(said.contains("Signature verification OK"), "{said}");
        assert!(firn(&["verify", "--db", &certificate, &out]).contains("starts"));
        let grown = fs::metadata(&out).unwrap().len() - fs::metadata(&image).unwrap().len();
        assert!(grown > 2 * length, "{grown} bytes hold no key and signature of {bits} bits");
        // The key of another length does not vouch for it.
        let other = firn_any(&["verify", "--keys", &at(&desk, "keys"), &out]);
        assert_eq!(other.status.code(), Some(1));
    }
}

#[test]
fn encrypted_keys_want_their_passphrase() {
    let Some(desk) = desk() else { return };
    let passphrase = at(&desk, "passphrase");
    fs::write(&passphrase, "correct horse\n").unwrap();
    let keys = at(&desk, "encrypted");
    firn(&["keys", "create", "--dir", &keys, "--passphrase-file", &passphrase]);
    assert!(
        fs::read_to_string(desk.path().join("encrypted/db.key"))
            .unwrap()
            .contains("ENCRYPTED")
    );
    let image = small_image(&desk);
    let out = at(&desk, "out.efi");
    let without = firn_any(&["sign", "--keys", &keys, "--out", &out, &image]);
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&without.stderr).contains("hint: give the file with its passphrase"));
    firn(&["sign", "--keys", &keys, "--passphrase-file", &passphrase, "--out", &out, &image]);
    assert!(firn(&["verify", "--keys", &keys, &out]).contains("starts"));
    // OpenSSL reads them too.
    done(Command::new("openssl").args([
        "pkey",
        "-noout",
        "-in",
        &at(&desk, "encrypted/db.key"),
        "-passin",
        "pass:correct horse",
    ]));
}

#[test]
fn a_rotation_keeps_old_images_until_it_is_finished() {
    let Some(desk) = desk() else { return };
    let keys = at(&desk, "keys");
    let efivars = at(&desk, "efivars");
    fs::create_dir(&efivars).unwrap();
    let global = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
    fs::write(desk.path().join(format!("efivars/SetupMode-{global}")), [6, 0, 0, 0, 1]).unwrap();
    let image = small_image(&desk);
    let old = sign(&desk, &image, "old.efi");
    let bare = firn_any(&["keys", "enroll", "--dir", &keys, "--efivars", &efivars]);
    assert_eq!(bare.status.code(), Some(2), "no vendor's certificate, and nobody said so");
    firn(&["keys", "enroll", "--dir", &keys, "--efivars", &efivars, "--only-ours"]);
    // What the kernel was given: attributes and a signed value. Firmware would keep the value alone.
    let digest_db = format!("efivars/db-{}", boot_formats::Guid::SECURITY_DATABASE);
    let written = fs::read(desk.path().join(&digest_db)).unwrap();
    assert_eq!(written[..4], [0x27, 0, 0, 0]);
    assert_eq!(siglist::parse(SignedValue::parse(&written[4..]).unwrap().value).unwrap().len(), 1);

    firn(&["keys", "rotate", "--dir", &keys, "db"]);
    let new = sign(&desk, &image, "new.efi");
    assert_ne!(fs::read(&old).unwrap(), fs::read(&new).unwrap());
    assert!(firn(&["verify", "--keys", &keys, &old, &new]).matches("starts").count() == 2);
    assert_eq!(
        firn_any(&["keys", "rotate", "--dir", &keys, "db"]).status.code(),
        Some(2),
        "one rotation at a time"
    );
    firn(&["keys", "rotate", "--dir", &keys, "db", "--finish"]);
    let output = firn_any(&["verify", "--keys", &keys, &old, &new]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("old.efi: REFUSED") && said.contains("new.efi: starts"), "{said}");
    assert_eq!(
        firn_any(&["keys", "rotate", "--dir", &keys, "db", "--finish"]).status.code(),
        Some(4),
        "nothing to do"
    );
}

#[test]
fn status_compares_folder_and_firmware() {
    let Some(desk) = desk() else { return };
    let keys = at(&desk, "keys");
    let efivars = at(&desk, "efivars");
    fs::create_dir(&efivars).unwrap();
    let image = sign(&desk, &small_image(&desk), "signed.efi");
    firn(&["keys", "export", "--dir", &keys, "--out", &at(&desk, "out")]);
    let install = |name: &str, vendor: boot_formats::Guid| {
        let value = fs::read(desk.path().join(format!("out/{name}.esl"))).unwrap();
        fs::write(
            desk.path().join(format!("efivars/{name}-{vendor}")),
            [&[0x27, 0, 0, 0], value.as_slice()].concat(),
        )
        .unwrap();
    };
    install("PK", boot_formats::Guid::GLOBAL);
    install("KEK", boot_formats::Guid::GLOBAL);
    let output = firn_any(&["keys", "status", "--dir", &keys, "--efivars", &efivars, "--format", "json", &image]);
    assert_eq!(output.status.code(), Some(1), "db is missing");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["images"][0]["starts_with_folder"], true);
    assert_eq!(status["images"][0]["starts_with_firmware"], false);
    install("db", boot_formats::Guid::SECURITY_DATABASE);
    let said = firn(&["keys", "status", "--dir", &keys, "--efivars", &efivars, &image]);
    assert!(
        said.contains("with the folder's keys: starts, with the firmware's: starts"),
        "{said}"
    );
    assert!(said.contains("11111111-2222-3333-4444-123456789abc"), "{said}");
}

#[test]
fn images_are_the_same_on_any_day() {
    let Some(desk) = desk() else { return };
    let build = |name: &str| {
        let (keys, out) = (at(&desk, "keys"), at(&desk, name));
        firn(&[
            "uki",
            "build",
            "--stub",
            STUB,
            "--linux",
            LOADER,
            "--cmdline",
            "quiet",
            "--keys",
            &keys,
            "--out",
            &out,
        ]);
        fs::read(out).unwrap()
    };
    let first = build("first.efi");
    // Longer than the second in which time stamps count.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(first, build("second.efi"));
}
