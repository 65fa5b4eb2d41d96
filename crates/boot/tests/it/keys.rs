//! Folders of keys: what may be imported, what is secret, what is remembered.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use boot_formats::siglist;
use tempfile::TempDir;

use super::lab::{done, firn, firn_any};

/// A folder to work in, and OpenSSL there.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    fn openssl(&self, arguments: &[&str]) {
        done(Command::new("openssl").current_dir(self.0.path()).args(arguments));
    }

    /// NAME.key and NAME.pem, self-signed.
    fn pair(&self, name: &str, kind: &[&str], more: &[&str]) {
        let (key, certificate, subject) = (
            format!("{name}.key"),
            format!("{name}.pem"),
            format!("/CN={}", name.replace('/', "-")),
        );
        let mut arguments = vec!["req", "-x509", "-sha256", "-subj", &subject, "-keyout", &key, "-out", &certificate];
        arguments.extend(kind);
        arguments.extend(more);
        self.openssl(&arguments);
    }

    fn import(&self, variable: &str, arguments: &[&str]) -> Output {
        let folder = self.at("folder");
        let mut all = vec!["keys", "import", "--dir", &folder, "--into", variable];
        all.extend(arguments);
        firn_any(&all)
    }
}

const RSA: &[&str] = &["-newkey", "rsa:2048"];
const OPEN: &[&str] = &["-nodes", "-days", "365"];

/// Asserts an exit code and words on stderr.
fn told(output: &Output, code: i32, words: &str) {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{talk}");
    assert!(talk.contains(words), "{words:?} is not in: {talk}");
}

#[test]
fn keys_of_another_program_become_our_own() {
    let desk = Desk::new();
    for name in ["PK", "KEK", "db"] {
        desk.pair(name, RSA, OPEN);
    }
    let [pk, kek, db] = ["PK", "KEK", "db"].map(|n| (desk.at(&format!("{n}.key")), desk.at(&format!("{n}.pem"))));
    let owner = "11111111-2222-3333-4444-123456789abc";
    told(
        &desk.import("PK", &["--owner", owner, "--key", &pk.0, &pk.1]),
        0,
        "the folder has no KEK yet",
    );
    told(&desk.import("KEK", &["--key", &kek.0, &kek.1]), 0, "the folder has no db yet");
    told(&desk.import("db", &["--key", &db.0, &db.1]), 0, "is the db key");
    told(&desk.import("db", &["--key", &db.0, &db.1]), 2, "exists already");
    assert_eq!(fs::read_to_string(desk.at("folder/owner")).unwrap().trim(), owner);
    for name in ["PK", "KEK", "db"] {
        let mode = fs::metadata(desk.at(&format!("folder/{name}.key"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    // They do what keys of ours do.
    firn(&["keys", "export", "--dir", &desk.at("folder"), "--out", &desk.at("out")]);
    let lists = siglist::parse(&fs::read(desk.at("out/db.esl")).unwrap()).unwrap();
    assert_eq!(lists[0].signatures[0].owner.to_string(), owner);
    let addon = desk.at("x.addon.efi");
    firn(&["uki", "build", "--cmdline", "quiet", "--keys", &desk.at("folder"), "--out", &addon]);
    assert!(firn(&["verify", "--keys", &desk.at("folder"), &addon]).contains("starts: signed, trusted by db"));
}

#[test]
fn foreign_key_or_certificate_is_not_imported() {
    let desk = Desk::new();
    for name in ["one", "two"] {
        desk.pair(name, RSA, OPEN);
    }
    let output = desk.import("db", &["--key", &desk.at("one.key"), &desk.at("two.pem")]);
    told(&output, 2, "it is not the key of certificate two");
    told(
        &desk.import("dbx", &["--key", &desk.at("one.key"), &desk.at("one.pem")]),
        2,
        "dbx has no key",
    );
    told(
        &desk.import("db", &["--key", &desk.at("one.key"), &desk.at("one.pem"), &desk.at("two.pem")]),
        2,
        "one key has one certificate",
    );
    assert!(!Path::new(&desk.at("folder")).exists(), "nothing was made");
}

#[test]
fn encrypted_key_is_imported_as_it_is_with_its_passphrase() {
    let desk = Desk::new();
    desk.pair("db", RSA, OPEN);
    let encrypt = |how: &str, out: &str| {
        desk.openssl(&[
            "pkcs8",
            "-topk8",
            "-v2",
            how,
            "-passout",
            "pass:correct horse",
            "-in",
            "db.key",
            "-out",
            out,
        ]);
        desk.at(out)
    };
    let (key, certificate) = (encrypt("aes-256-cbc", "encrypted.key"), desk.at("db.pem"));
    told(&desk.import("db", &["--key", &key, &certificate]), 2, "is encrypted");
    let wrong = desk.write("wrong", "battery staple\n");
    let output = desk.import("db", &["--key", &key, "--passphrase-file", &wrong, &certificate]);
    told(&output, 2, "the passphrase does not open it");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("battery staple"));
    let right = desk.write("right", "correct horse\n");
    let of_yesterday = encrypt("des3", "des.key");
    let output = desk.import("db", &["--key", &of_yesterday, "--passphrase-file", &right, &certificate]);
    told(&output, 2, "its encryption is not supported");
    told(
        &desk.import("db", &["--key", &key, "--passphrase-file", &right, &certificate]),
        0,
        "is the db key",
    );
    assert_eq!(fs::read(desk.at("folder/db.key")).unwrap(), fs::read(&key).unwrap());
}

#[test]
fn keys_of_a_wrong_type_are_named() {
    let desk = Desk::new();
    desk.pair("rsa", RSA, OPEN);
    desk.pair("curve", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], OPEN);
    desk.pair("short", &["-newkey", "rsa:1024"], OPEN);
    let rsa = desk.at("rsa.pem");
    told(&desk.import("db", &["--key", &desk.at("curve.key"), &rsa]), 2, "it is no RSA key");
    let curve = desk.import("db", &["--key", &desk.at("rsa.key"), &desk.at("curve.pem")]);
    told(&curve, 2, "kind of key that is not supported");
    told(
        &desk.import("db", &["--key", &desk.at("short.key"), &desk.at("short.pem")]),
        2,
        "RSA key of 1024 bits",
    );
    desk.openssl(&["rsa", "-traditional", "-in", "rsa.key", "-out", "old.key"]);
    told(&desk.import("db", &["--key", &desk.at("old.key"), &rsa]), 2, "openssl pkcs8 -topk8");
    told(&desk.import("db", &["--key", &rsa, &rsa]), 2, "holds no private key");
    told(&desk.import("db", &["--key", &desk.at("nothing"), &rsa]), 2, "nothing");
    // Without --key, what stands there is others' certificates.
    firn(&["keys", "create", "--dir", &desk.at("folder")]);
    told(&desk.import("db", &[&desk.at("rsa.key")]), 2, "is a private key, not a certificate");
    told(
        &desk.import("db", &[&desk.write("words", "some words of no use to anybody")]),
        2,
        "is neither a certificate",
    );
    told(&desk.import("PK", &[&rsa]), 2, "one platform key only");
}

#[test]
fn expired_certificates_are_told_and_taken() {
    let desk = Desk::new();
    desk.pair("new", RSA, OPEN);
    desk.openssl(&["x509", "-in", "new.pem", "-signkey", "new.key", "-days", "-1", "-out", "old.pem"]);
    told(
        &desk.import("db", &["--key", &desk.at("new.key"), &desk.at("old.pem")]),
        0,
        "new has expired",
    );
    let desk2 = Desk::new();
    firn(&["keys", "create", "--dir", &desk2.at("folder")]);
    told(&desk2.import("db", &[&desk.at("old.pem")]), 0, "new has expired");
}

#[test]
fn files_of_the_same_name_are_both_kept() {
    let desk = Desk::new();
    firn(&["keys", "create", "--dir", &desk.at("folder")]);
    for name in ["a", "b"] {
        fs::create_dir(desk.at(name)).unwrap();
        desk.pair(&format!("{name}/vendor"), RSA, OPEN);
        told(&desk.import("db", &[&desk.at(&format!("{name}/vendor.pem"))]), 0, "kept 1 entries");
    }
    let kept = fs::read(desk.at("folder/vendor/db/vendor.esl")).unwrap();
    assert_eq!(siglist::parse(&kept).unwrap().len(), 2);
    // A certificate of a vendor's is one, although it bears our name: enrolling does not ask any more.
    let efivars = desk.at("efivars");
    fs::create_dir(&efivars).unwrap();
    desk.write("efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c", [6, 0, 0, 0, 1]);
    let said = firn(&["keys", "enroll", "--dir", &desk.at("folder"), "--efivars", &efivars, "--plan"]);
    assert!(said.contains("set db: 3 entries") && said.contains("+ a-vendor"), "{said}");
    assert_eq!(fs::read_dir(&efivars).unwrap().count(), 1, "a plan sets nothing");
}

#[test]
fn new_keys_are_for_their_owner_alone_and_never_replaced() {
    let desk = Desk::new();
    let folder = desk.at("folder");
    firn(&["keys", "create", "--dir", &folder]);
    for name in ["PK.key", "KEK.key", "db.key"] {
        let mode = fs::metadata(desk.at(&format!("folder/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    let before = fs::read(desk.at("folder/db.key")).unwrap();
    told(&firn_any(&["keys", "create", "--dir", &folder]), 2, "exists already");
    assert_eq!(fs::read(desk.at("folder/db.key")).unwrap(), before);
    // A rotation that was cut short while the new key was made does not keep the next one from its work.
    fs::create_dir(desk.at("folder/new")).unwrap();
    desk.write("folder/new/db.key", "half a key");
    firn(&["keys", "rotate", "--dir", &folder, "db"]);
    assert_eq!(fs::read(desk.at("folder/previous/db.key")).unwrap(), before);
    assert!(!Path::new(&desk.at("folder/new")).exists());
    let mode = fs::metadata(desk.at("folder/db.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn certificates_say_what_was_asked_for() {
    let desk = Desk::new();
    let folder = desk.at("folder");
    let owner = "11111111-2222-3333-4444-123456789abc";
    let mut arguments = vec![
        "keys", "create", "--dir", &folder, "--owner", owner, "--bits", "3072", "--years", "3",
    ];
    arguments.extend(["--common-name", "Anna's machine", "--organization", "Firn, Ltd."]);
    firn(&arguments);
    assert_eq!(fs::read_to_string(desk.at("folder/owner")).unwrap(), format!("{owner}\n"));
    for name in ["PK", "KEK", "db"] {
        let pem = desk.at(&format!("folder/{name}.pem"));
        let said = done(Command::new("openssl").args(["x509", "-noout", "-subject", "-text", "-in", &pem]));
        assert!(
            said.contains(&format!("subject=O = \"Firn, Ltd.\", CN = Anna's machine {name}")),
            "{said}"
        );
        assert!(said.contains("Public-Key: (3072 bit)") && said.contains("CA:TRUE"), "{said}");
        let end = |seconds: u64| {
            let seconds = (seconds * 24 * 60 * 60).to_string();
            let mut check = Command::new("openssl");
            check
                .args(["x509", "-noout", "-in", &pem, "-checkend", &seconds])
                .output()
                .unwrap()
                .status
                .success()
        };
        assert!(end(3 * 365) && !end(3 * 366 + 1), "three years: {said}");
        // OpenSSL takes it for an authority that has issued itself.
        done(Command::new("openssl").args(["verify", "-CAfile", &pem, &pem]));
    }
}

#[test]
fn a_passphrase_may_come_on_standard_input() {
    let desk = Desk::new();
    desk.write("passphrase", "from a pipe\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn-boot"));
    command
        .args(["keys", "create", "--passphrase-file", "/dev/stdin", "--dir"])
        .arg(desk.at("folder"));
    command.stdin(fs::File::open(desk.at("passphrase")).unwrap());
    done(&mut command);
    desk.openssl(&["pkey", "-noout", "-in", "folder/db.key", "-passin", "pass:from a pipe"]);
}

/// What the program says on a terminal where these lines are typed, each once a question is there.
fn on_a_terminal(arguments: &str, lines: &[&str]) -> (bool, String) {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_firn-boot"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut lines = lines.iter();
    let mut byte = [0];
    while shown.read(&mut byte).unwrap_or(0) > 0 {
        seen.push(byte[0]);
        if seen.ends_with(b": ")
            && let Some(line) = lines.next()
        {
            // Echo is turned off right after the question.
            std::thread::sleep(std::time::Duration::from_millis(300));
            writeln!(typed, "{line}").unwrap();
        }
    }
    (child.wait().unwrap().success(), String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn a_passphrase_is_asked_for_on_a_terminal_and_not_shown() {
    let desk = Desk::new();
    let folder = desk.at("folder");
    let create = format!("keys create --dir {folder}");
    let (done, said) = on_a_terminal(&create, &["correct horse", "another horse"]);
    assert!(!done && said.contains("the passphrases differ"), "{said}");
    let (done, said) = on_a_terminal(&create, &["correct horse", "correct horse"]);
    assert!(
        done && said.contains("Passphrase for the new keys") && !said.contains("horse"),
        "{said}"
    );
    assert!(!said.contains("not encrypted: whoever"), "{said}");
    desk.openssl(&["pkey", "-noout", "-in", "folder/db.key", "-passin", "pass:correct horse"]);
    let addon = desk.at("x.addon.efi");
    let build = format!("uki build --cmdline quiet --keys {folder} --out {addon}");
    let (done, said) = on_a_terminal(&build, &["wrong horse"]);
    assert!(!done && said.contains("the passphrase does not open it"), "{said}");
    let (done, said) = on_a_terminal(&build, &["correct horse"]);
    assert!(done && said.contains("Passphrase of ") && !said.contains("horse"), "{said}");
    // Once for all three keys.
    let (done, said) = on_a_terminal(&format!("keys export --dir {folder} --out {}", desk.at("out")), &["correct horse"]);
    assert!(done && said.matches("Passphrase of ").count() == 1, "{said}");
    // Nothing typed, no encryption; and without a terminal nobody is asked.
    let (done, said) = on_a_terminal(&format!("keys create --dir {}", desk.at("plain")), &[""]);
    assert!(done && said.contains("the keys are not encrypted"), "{said}");
    let output = firn_any(&["uki", "build", "--cmdline", "quiet", "--keys", &folder, "--out", &addon]);
    told(&output, 2, "is encrypted");
}

#[test]
fn a_revocation_may_be_appended_to_dbx() {
    let desk = Desk::new();
    let folder = desk.at("folder");
    firn(&["keys", "create", "--dir", &folder]);
    let (addon, auth) = (desk.at("x.addon.efi"), desk.at("dbx.auth"));
    firn(&["uki", "build", "--cmdline", "quiet", "--keys", &folder, "--out", &addon]);
    firn(&["keys", "revoke", "--dir", &folder, "--image", &addon, "--out", &auth]);
    let bytes = fs::read(&auth).unwrap();
    let signed = boot_formats::authvar::SignedValue::parse(&bytes).unwrap();
    // Signed for an append, so that nobody can use it to replace what dbx holds.
    let over = |attributes| {
        boot_formats::authvar::to_sign(
            "dbx",
            boot_formats::Guid::SECURITY_DATABASE,
            attributes,
            signed.timestamp,
            signed.value,
        )
    };
    let signature = boot_formats::pkcs7::SignedData::parse(signed.signature).unwrap();
    assert_eq!(signature.verify_message(&over(0x67)).unwrap().common_name(), "Firn Secure Boot KEK");
    assert!(signature.verify_message(&over(0x27)).is_err());
    let refused = firn_any(&["verify", "--keys", &folder, &addon]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("stands in dbx"));
    let own = firn_any(&["keys", "revoke", "--dir", &folder, "--certificate", &desk.at("folder/db.pem")]);
    told(&own, 0, "nothing that it signed will start any more");
}

#[test]
fn images_that_would_not_do_what_they_say_are_not_built() {
    let desk = Desk::new();
    let kernel = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
    if !Path::new(kernel).exists() {
        println!("SKIPPED: images that are not built, because systemd-boot-efi is not installed");
        return;
    }
    let stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
    let out = desk.at("x.efi");
    let image = ["uki", "build", "--linux", kernel, "--stub", stub, "--out", &out];
    let build = |more: &[&str]| firn_any(&[image.as_slice(), more].concat());
    told(
        &build(&["--cmdline", "quiet initrd=\\EFI\\evil"]),
        2,
        "makes the kernel read a file that nobody signed",
    );
    told(
        &build(&["--cmdline", &format!("@{}", desk.write("line", b"quiet\0init=/bin/sh"))]),
        2,
        "has a zero in it",
    );
    told(&build(&["--thin", &desk.at("esp")]), 2, "only ours boots thin images");
    let initrd = desk.write("initrd", "x");
    let addon = ["uki", "build", "--initrd", &initrd, "--thin", &desk.at("esp"), "--out", &out];
    told(&firn_any(&addon), 2, "an addon has no kernel");
    told(
        &firn_any(&["uki", "build", "--uname", "6.1", "--out", &out]),
        2,
        "an image without a kernel is an addon",
    );
    assert!(!Path::new(&out).exists() && !Path::new(&desk.at("esp")).exists());
}

/// A certificate in db vouches for those it has issued, if it may issue any.
#[test]
fn attack_certificate_issued_by_one_that_is_no_authority() {
    let desk = Desk::new();
    if !Path::new("/usr/bin/osslsigncode").exists() {
        println!("SKIPPED: chains of certificates, because osslsigncode is not installed");
        return;
    }
    desk.pair("root", RSA, OPEN);
    let issue = |name: &str, by: &str, authority: bool| {
        let (key, request, subject) = (format!("{name}.key"), format!("{name}.csr"), format!("/CN={name}"));
        desk.openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request,
        ]);
        let flag = if authority { "TRUE" } else { "FALSE" };
        let extensions = desk.write(&format!("{name}.ext"), format!("basicConstraints=critical,CA:{flag}\n"));
        let (by_pem, by_key, out) = (format!("{by}.pem"), format!("{by}.key"), format!("{name}.pem"));
        desk.openssl(&[
            "x509",
            "-req",
            "-sha256",
            "-days",
            "30",
            "-in",
            &request,
            "-CA",
            &by_pem,
            "-CAkey",
            &by_key,
            "-CAcreateserial",
            "-extfile",
            &extensions,
            "-out",
            &out,
        ]);
    };
    issue("authority", "root", true);
    issue("by-authority", "authority", false);
    issue("nobody", "root", false);
    issue("by-nobody", "nobody", false);
    let plain = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
    for (name, above, starts) in [
        ("by-authority", "authority", true),
        ("by-nobody", "nobody", false),
        ("nobody", "nobody", true),
    ] {
        let read = |file: &str| fs::read_to_string(desk.at(file)).unwrap();
        let certificates = desk.write("chain", read(&format!("{name}.pem")) + &read(&format!("{above}.pem")));
        let (key, out) = (desk.at(&format!("{name}.key")), desk.at(&format!("{name}.efi")));
        done(Command::new("osslsigncode").args([
            "sign",
            "-h",
            "sha256",
            "-certs",
            &certificates,
            "-key",
            &key,
            "-in",
            plain,
            "-out",
            &out,
        ]));
        let output = firn_any(&["verify", "--db", &desk.at("root.pem"), &out]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(i32::from(!starts)), "{name}: {said}");
        // OpenSSL judges chains as firmware does, which has it inside.
        let theirs = Command::new("osslsigncode")
            .args(["verify", "-CAfile", &desk.at("root.pem"), "-in", &out])
            .output()
            .unwrap();
        assert_eq!(
            theirs.status.success(),
            starts,
            "{name}: {}",
            String::from_utf8_lossy(&theirs.stdout)
        );
    }
}
