use std::collections::{BTreeMap, BTreeSet};

use super::super::wanted::{Expect, Supply, Target, Wanted};
use super::*;
use crate::esp::Space;

const CLUSTER: u64 = 1000;

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn kernel_path(byte: u8) -> String {
    format!("EFI/nixos/kernel-{}.efi", hex(byte))
}

fn kernel(byte: u8, size: u64) -> Wanted {
    Wanted {
        target: Target::Path(kernel_path(byte)),
        size,
        expect: Expect::Content([byte; 32]),
        supply: Supply::Bytes(Vec::new()),
        needs: Vec::new(),
    }
}

fn entry(generation: u64, kernel: u8) -> Wanted {
    Wanted {
        target: Target::Entry(EntryId::new(None, generation, None)),
        size: 10,
        expect: Expect::Signed {
            digest: [generation as u8; 32],
            command_line: Some(format!("init=/{generation}")),
        },
        supply: Supply::ToSign(Vec::new()),
        needs: vec![kernel_path(kernel)],
    }
}

/// A partition in the making.
struct Esp(Survey);

impl Esp {
    fn new(free: u64) -> Self {
        Self(Survey {
            items: BTreeMap::new(),
            folders: super::super::FOLDERS.map(str::to_owned).into_iter().collect(),
            images: BTreeMap::new(),
            digests: BTreeMap::new(),
            texts: BTreeMap::new(),
            originals: BTreeMap::new(),
            space: Space {
                free,
                total: 1_000_000,
                cluster: CLUSTER,
            },
        })
    }

    fn file(mut self, path: &str, size: u64) -> Self {
        self.0.items.insert(path.into(), size);
        self
    }

    fn kernel(mut self, byte: u8, size: u64) -> Self {
        self.0.digests.insert(kernel_path(byte), Ok([byte; 32]));
        self.file(&kernel_path(byte), size)
    }

    fn image(mut self, file: &str, digest: u8, system: &str, kernel: u8, refused: [Option<&str>; 2]) -> Self {
        let path = format!("{IMAGES}/{file}");
        let image = Image {
            digest: Some([digest; 32]),
            refused_now: refused[0].map(str::to_owned),
            refused: refused[1].map(str::to_owned),
            command_line: Some(format!("init=/{system}")),
            references: vec![(kernel_path(kernel), [kernel; 32])],
            is_image: true,
            ..Image::default()
        };
        self.0.images.insert(path.clone(), image);
        self.file(&path, 10)
    }

    fn good(self, file: &str, generation: u8, kernel: u8) -> Self {
        self.image(file, generation, &generation.to_string(), kernel, [None, None])
    }
}

/// What a plan does, in short.
fn short(plan: &Plan) -> Vec<String> {
    let name = |file: &str| file.rsplit('/').next().unwrap().chars().take(24).collect::<String>();
    plan.steps
        .iter()
        .map(|step| match step {
            Step::Folder { file } => format!("folder {file}"),
            Step::Settle { file } => format!("settle {file}"),
            Step::Write { file, .. } => format!("write {}", name(file)),
            Step::Remove { file, .. } => format!("remove {}", name(file)),
        })
        .collect()
}

fn keep(generations: &[u64]) -> Policy {
    Policy {
        keep: generations.iter().map(|g| EntryId::new(None, *g, None)).collect::<BTreeSet<_>>(),
        ..Policy::default()
    }
}

#[test]
fn what_is_right_is_left_alone() {
    let esp = Esp::new(0)
        .kernel(1, 5000)
        .good("nixos-generation-1.efi", 1, 1)
        .good("nixos-generation-2+2-1.efi", 2, 1);
    let plan = plan(&[kernel(1, 5000), entry(1, 1), entry(2, 1)], &esp.0, &Policy::default());
    assert!(plan.is_empty() && plan.fits, "{:?}", plan.steps);
    assert_eq!(plan.places[2], "EFI/Linux/nixos-generation-2+2-1.efi");
}

#[test]
fn what_is_needed_comes_before_the_entry_and_goes_after_it() {
    let esp = Esp::new(1_000_000).kernel(1, 5000).good("nixos-generation-1.efi", 1, 1);
    let plan = plan(&[kernel(2, 5000), entry(2, 2)], &esp.0, &Policy::default());
    let order = [
        "write kernel-02020202020202020",
        "settle EFI/nixos",
        "write nixos-generation-2.efi",
        "settle EFI/Linux",
        "remove nixos-generation-1.efi",
        "settle EFI/Linux",
        "remove kernel-01010101010101010",
        "settle EFI/nixos",
    ];
    assert_eq!(short(&plan), order);
    assert_eq!(plan.order, Order::WriteFirst);
    // A kernel and an image, and two folders that grow.
    assert_eq!((plan.peak, plan.after), (5000 + 1000 + 2 * CLUSTER, 2 * CLUSTER as i64));
}

#[test]
fn where_room_is_short_garbage_goes_first_but_never_the_booted_or_the_last_good() {
    let esp = |free| {
        Esp::new(free)
            .kernel(1, 5000)
            .kernel(2, 5000)
            .kernel(3, 5000)
            .good("nixos-generation-1.efi", 1, 1)
            .good("nixos-generation-2.efi", 2, 2)
            .good("nixos-generation-3.efi", 3, 3)
    };
    let wanted = [kernel(4, 5000), entry(4, 4)];
    let tight = plan(&wanted, &esp(6000).0, &keep(&[2, 3]));
    assert_eq!(tight.order, Order::CollectFirst);
    assert!(tight.fits, "{tight:?}");
    assert_eq!(short(&tight)[0], "remove nixos-generation-1.efi");
    assert_eq!(tight.kept, ["EFI/Linux/nixos-generation-2.efi", "EFI/Linux/nixos-generation-3.efi"]);
    assert!(
        !short(&tight)
            .iter()
            .any(|s| s.starts_with("remove kernel-02") || s.starts_with("remove kernel-03"))
    );
    // Removing frees 6000, writing takes 8000.
    let refused = plan(&wanted, &esp(1999).0, &keep(&[2, 3]));
    assert!(!refused.fits);
    assert_eq!((refused.peak, refused.free, refused.short_by()), (2000, 1999, 1));
}

#[test]
fn damage_is_told_from_an_old_key_and_from_another_state() {
    let wanted = [kernel(1, 5000), entry(1, 1), entry(2, 1), entry(3, 1)];
    let mut esp = Esp::new(1_000_000)
        .kernel(1, 4999)
        .image("nixos-generation-1.efi", 1, "1", 1, [Some("not signed"), Some("not signed")])
        .image("nixos-generation-2.efi", 2, "2", 1, [Some("old key"), None])
        .image("nixos-generation-3.efi", 9, "3", 1, [None, None]);
    esp.0.digests.insert(kernel_path(1), Ok([7; 32]));
    let plan = plan(&wanted, &esp.0, &Policy::default());
    let whys: Vec<&Why> = plan
        .steps
        .iter()
        .filter_map(|s| match s {
            Step::Write { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert!(
        matches!(whys[0], Why::Damaged { expected, found } if expected.contains(&hex(1)) && found.contains(&hex(7)) && found.contains("4999 bytes"))
    );
    assert!(matches!(whys[1], Why::Damaged { found, .. } if found.starts_with("not signed")));
    assert!(matches!(whys[2], Why::OldKey { found } if found == "old key"));
    assert_eq!(whys[3], &Why::Outdated);
    assert_eq!(whys.len(), 4);
}

#[test]
fn a_number_that_is_used_again_is_counted_anew() {
    let counted = Policy {
        tries: Some(3),
        ..Policy::default()
    };
    let wanted = [kernel(1, 5000), entry(5, 1)];
    // The same system, image made anew: known to be good, and stays so.
    let esp = Esp::new(1_000_000)
        .kernel(1, 5000)
        .image("nixos-generation-5.efi", 9, "5", 1, [None, None]);
    assert_eq!(
        short(&plan(&wanted, &esp.0, &counted)),
        ["write nixos-generation-5.efi", "settle EFI/Linux"]
    );
    // Another system: the old entry goes once the new one is there.
    let esp = Esp::new(1_000_000)
        .kernel(1, 5000)
        .image("nixos-generation-5+0-3.efi", 9, "else", 1, [None, None]);
    assert_eq!(
        short(&plan(&wanted, &esp.0, &counted)),
        [
            "write nixos-generation-5+3.efi",
            "settle EFI/Linux",
            "remove nixos-generation-5+0-3.e",
            "settle EFI/Linux"
        ]
    );
    // Two names for one entry: the one that is known to be good stays.
    let esp = Esp::new(1_000_000)
        .kernel(1, 5000)
        .good("nixos-generation-5.efi", 5, 1)
        .good("nixos-generation-5+1-2.efi", 5, 1);
    assert_eq!(
        short(&plan(&wanted, &esp.0, &counted)),
        ["remove nixos-generation-5+1-2.e", "settle EFI/Linux"]
    );
}

#[test]
fn files_of_others_stay_unless_taken_over() {
    let lanzaboote = "EFI/Linux/nixos-generation-1-g3kzqbbcn4ucyvlbnr6ahpqrv6yaxbpz6nzrz2qf4bkuzrrzm2zq.efi";
    let nixpkgs = "loader/entries/nixos-generation-1.conf";
    let kernel_of_nixpkgs = "EFI/nixos/abc-linux-6.1-bzImage.efi";
    let others = [
        "EFI/Linux/arch.efi",
        "loader/entries/arch.conf",
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/systemd/x.efi",
    ];
    let mut esp = Esp::new(1_000_000).kernel(1, 5000).good("nixos-generation-1.efi", 1, 1);
    for path in others.iter().chain(&[lanzaboote, nixpkgs, kernel_of_nixpkgs]) {
        esp = esp.file(path, 1);
    }
    esp = esp.file("EFI/Linux/nixos-generation-1.efi.firn-new", 5).file("EFI/firn/old.efi", 5);
    let wanted = [kernel(1, 5000), entry(1, 1)];
    let alone = plan(&wanted, &esp.0, &Policy::default());
    assert_eq!(
        short(&alone),
        [
            "remove nixos-generation-1.efi.f",
            "settle EFI/Linux",
            "remove old.efi",
            "settle EFI/firn"
        ]
    );
    let policy = Policy {
        take_over: true,
        ..Policy::default()
    };
    let taken = plan(&wanted, &esp.0, &policy);
    let removed: Vec<&str> = taken
        .steps
        .iter()
        .filter_map(|s| match s {
            Step::Remove {
                file, why: Why::TakenOver, ..
            } => Some(file.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(removed, [lanzaboote, nixpkgs, kernel_of_nixpkgs]);
    // Repairing removes nothing but what a run that was stopped left.
    let policy = Policy {
        no_collection: true,
        ..Policy::default()
    };
    assert_eq!(
        short(&plan(&wanted, &esp.0, &policy)),
        ["remove nixos-generation-1.efi.f", "settle EFI/Linux"]
    );
}

/// A machine died while their names were written: they stayed for ever, and were listed once what they need had gone.
#[test]
fn files_that_lost_their_names_go() {
    let mut esp = Esp::new(1_000_000).kernel(1, 5000).good("nixos-generation-1.efi", 1, 1);
    let nameless = ["EFI/Linux/NIXOS-~1.EFI", "EFI/nixos/IN12AB~1.EFI", "EFI/BOOT/BOOTX6~1.FIR"];
    let others = ["EFI/Linux/ARCH~1.EFI", "EFI/BOOT/NIXOS-~1.EFI", "loader/NOTES~1.TXT"];
    for path in nameless.iter().chain(&others) {
        esp = esp.file(path, 1);
    }
    let plan = plan(&[kernel(1, 5000), entry(1, 1)], &esp.0, &Policy::default());
    let removed: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter_map(|s| match s {
            Step::Remove {
                file,
                why: Why::Unfinished,
                ..
            } => Some(file.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(removed, BTreeSet::from(nameless));
    assert!(!plan.steps.iter().any(|s| matches!(s, Step::Write { .. })));
}

#[test]
fn room_is_counted_in_clusters_with_the_copy_that_is_beside() {
    let mut esp = Esp::new(1_000_000).kernel(1, 4001);
    esp.0.digests.insert(kernel_path(1), Err("cannot be read".into()));
    let plan = plan(&[kernel(1, 4001)], &esp.0, &Policy::default());
    // The damaged one is there until the new one takes its name.
    assert_eq!((plan.peak, plan.after), (5000 + CLUSTER, CLUSTER as i64));
}
