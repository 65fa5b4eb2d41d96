use std::path::Path;

use boot_formats::pe::Pe;
use boot_formats::sha256;
use boot_formats::trust::{Hex, Keyring, judge};
use boot_formats::uki::{Kind, Policy, Profile, profiles};
use cli_kit::{Exit, Failure, Format, Table, escape, escape_lines};
use serde::Serialize;

use super::{Voice, image, signer};
use crate::assemble::{NewProfile, Parts, build};
use crate::cli::{Build, Uki};
use crate::signer::{SignerError, sign_image};
use crate::{files, stub};

pub fn run(command: Uki, voice: &mut Voice) -> Result<Exit, Failure> {
    match command {
        Uki::Build(arguments) => build_image(&arguments, voice),
        Uki::Inspect { file, esp } => inspect(&file, esp.as_deref(), voice),
    }
}

fn build_image(arguments: &Build, voice: &mut Voice) -> Result<Exit, Failure> {
    let parts = parts(arguments)?;
    // An addon is not started, and needs no stub.
    let stub = if parts.linux.is_some() {
        stub::stub(arguments.stub.as_deref())?
    } else {
        Vec::new()
    };
    let signer = signer(&arguments.key)?;
    let built = build(&stub, parts)?;
    let image = match &signer {
        Some(signer) => sign_image(&built.image, signer.as_ref())?,
        None => {
            voice.talk.say(&format!("{} is not signed", arguments.out.display()));
            built.image
        }
    };
    // What an image refers to is there before the image is.
    for (path, bytes) in built.beside {
        let path = arguments.thin.as_deref().unwrap_or(Path::new("")).join(path);
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        // The name says what is in it; a file that says something else is a damaged one.
        if files::read_if_there(&path)?.is_none_or(|there| there != bytes) {
            files::write(&path, &bytes)?;
        }
    }
    files::write(&arguments.out, &image)?;
    Ok(Exit::Clean)
}

fn parts(arguments: &Build) -> Result<Parts, Failure> {
    let mut others = Vec::new();
    let texts = [
        (Kind::CommandLine, &arguments.cmdline),
        (Kind::OsRelease, &arguments.os_release),
        (Kind::KernelRelease, &arguments.uname),
    ];
    for (kind, text) in texts {
        others.extend(text.as_deref().map(text_or_file).transpose()?.map(|t| (kind, t)));
    }
    let binaries = [
        (Kind::Splash, &arguments.splash),
        (Kind::DeviceTree, &arguments.dtb),
        (Kind::Microcode, &arguments.ucode),
        (Kind::PcrSignatures, &arguments.pcrsig),
        (Kind::PcrPublicKey, &arguments.pcrpkey),
    ];
    for (kind, path) in binaries {
        others.extend(path.as_deref().map(files::read).transpose()?.map(|b| (kind, b)));
    }
    if arguments.profile_cmdline.len() != arguments.profile.len().saturating_sub(1) {
        return Err(Failure::usage("every --profile after the first needs one --profile-cmdline"));
    }
    let mut profiles = Vec::new();
    for (number, text) in arguments.profile.iter().enumerate() {
        let own = number.checked_sub(1).and_then(|n| arguments.profile_cmdline.get(n));
        let own = own
            .map(|line| text_or_file(line))
            .transpose()?
            .map(|line| (Kind::CommandLine, line));
        profiles.push(NewProfile {
            text: text_or_file(text)?,
            sections: own.into_iter().collect(),
        });
    }
    Ok(Parts {
        linux: arguments.linux.as_deref().map(files::read).transpose()?,
        initrds: arguments.initrd.iter().map(|p| files::read(p)).collect::<Result<_, _>>()?,
        others,
        profiles,
        policy: arguments.measure.map(|measure| Policy { measure }),
        thin: arguments.thin.is_some(),
    })
}

/// A text, or the content of a file if it begins with `@`. Line breaks at the end are no part of it.
fn text_or_file(text: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = match text.strip_prefix('@') {
        Some(path) => files::read(Path::new(path))?,
        None => text.as_bytes().to_vec(),
    };
    while bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}

#[derive(Serialize)]
struct Inspected {
    version: u32,
    sections: Vec<SectionOf>,
    profiles: Vec<ProfileOf>,
    signatures: Vec<image::SignatureOf>,
    /// What strict firmware would complain about.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct SectionOf {
    name: String,
    size: usize,
    sha256: String,
    measured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize)]
struct ProfileOf {
    number: usize,
    /// PCR 11 (SHA-256) once the stub has measured this profile; not known if a thin image's files are not at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pcr11: Option<String>,
}

fn inspect(path: &Path, esp: Option<&Path>, voice: &mut Voice) -> Result<Exit, Failure> {
    let at = |failure: Failure| failure.while_trying(format!("inspect {}", path.display()));
    let bytes = files::read(path)?;
    let pe = Pe::parse(&bytes).map_err(|e| at(SignerError::Image(e).into()))?;
    let sections: Vec<(&[u8], &[u8])> = pe
        .headers()
        .sections
        .iter()
        .zip(pe.headers().names(&bytes))
        .map(|(s, n)| (n, pe.data(s)))
        .collect();
    let mut profiles_of = Vec::new();
    for number in 0..profiles(sections.iter().map(|(name, _)| *name)) {
        let profile = Profile::select(&sections, number).map_err(|e| at(Failure::new(Exit::Findings, e.to_string())))?;
        profiles_of.push(ProfileOf {
            number,
            pcr11: pcr11(&profile, esp)?.map(|p| Hex(&p).to_string()),
        });
    }
    let judged = judge(&pe, &Keyring::default(), &Keyring::default());
    let inspected = Inspected {
        version: 1,
        sections: sections.iter().map(|(name, data)| section(name, data)).collect(),
        profiles: profiles_of,
        signatures: image::reports(&judged),
        problems: pe.headers().strictness_problems(),
    };
    match voice.format {
        Format::Json => voice.out.json(&inspected)?,
        Format::Jsonl => voice.out.json_line(&inspected)?,
        Format::Table => print(&inspected, voice)?,
    }
    Ok(Exit::Clean)
}

fn section(name: &[u8], data: &[u8]) -> SectionOf {
    let kind = Kind::of(name);
    let is_text = matches!(
        kind,
        Some(Kind::CommandLine | Kind::OsRelease | Kind::KernelRelease | Kind::Sbat | Kind::Profile | Kind::Policy)
    );
    let short = data.len() <= 1024 && matches!(kind, Some(Kind::Linux | Kind::Initrd));
    let text = (is_text || short).then(|| std::str::from_utf8(data).ok()).flatten();
    SectionOf {
        name: String::from_utf8_lossy(name).into_owned(),
        size: data.len(),
        sha256: Hex(&sha256(data)).to_string(),
        measured: kind.is_some_and(Kind::is_measured),
        text: text.map(|t| t.trim_end_matches(['\0', '\n']).to_owned()),
    }
}

/// PCR 11 of a profile; files beside a thin image are taken from the ESP if they are what was signed.
fn pcr11(profile: &Profile<'_>, esp: Option<&Path>) -> Result<Option<[u8; 32]>, Failure> {
    let mut beside = Vec::new();
    for kind in [Kind::Linux, Kind::Initrd] {
        let reference = profile.reference(kind).map_err(|e| Failure::new(Exit::Findings, e.to_string()))?;
        let Some(reference) = reference else { continue };
        let Some(esp) = esp else { return Ok(None) };
        let relative = reference.path.trim_start_matches('\\').replace('\\', "/");
        if relative.split('/').any(|part| part == "..") {
            return Err(Failure::new(Exit::Findings, "the image refers to a file outside of the partition"));
        }
        let path = esp.join(relative);
        let bytes = files::read(&path)?;
        if sha256(&bytes) != reference.digest {
            return Err(
                Failure::new(Exit::Findings, format!("{} is not the file that was signed", path.display()))
                    .hint("build the image again, or restore the file"),
            );
        }
        beside.push((kind, bytes));
    }
    Ok(Some(profile.pcr11(&beside).0))
}

fn print(inspected: &Inspected, voice: &mut Voice) -> Result<(), Failure> {
    let mut table = Table::new(&["section", "bytes", "measured", "sha256"]).right(&["bytes"]);
    for section in &inspected.sections {
        table.row([
            section.name.clone(),
            section.size.to_string(),
            if section.measured { "yes" } else { "no" }.into(),
            section.sha256.clone(),
        ]);
    }
    voice.out.table(&table)?;
    for section in &inspected.sections {
        if let Some(text) = &section.text {
            voice.out.line(format!(
                "\n{}\n  {}",
                escape(&section.name),
                escape_lines(text).replace('\n', "\n  ")
            ))?;
        }
    }
    voice.out.line("")?;
    for profile in &inspected.profiles {
        let value = profile
            .pcr11
            .as_deref()
            .unwrap_or("not known without --esp DIR, where kernel and initrd lie");
        voice.out.line(format!("PCR 11, profile {}: {value}", profile.number))?;
    }
    for signature in &inspected.signatures {
        let chain = if signature.chain().is_empty() {
            "?".into()
        } else {
            signature.chain().join(", issued by ")
        };
        voice.out.line(format!(
            "signed by {}{}",
            escape(&chain),
            signature.problem().map(|p| format!(": {}", escape(p))).unwrap_or_default()
        ))?;
    }
    if inspected.signatures.is_empty() {
        voice.out.line("not signed")?;
    }
    for problem in &inspected.problems {
        voice.out.line(format!("strict firmware would complain: {}", escape(problem)))?;
    }
    Ok(())
}
