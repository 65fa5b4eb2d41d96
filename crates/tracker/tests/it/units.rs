//! The unit for systemd.

use std::process::Command;

#[test]
fn security_the_unit_is_sound_and_hardened() {
    let unit = include_str!("../../systemd/firn-tracker.service");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("firn-tracker.service");
    // As it would be installed.
    std::fs::write(&file, unit.replace("/usr/bin/firn-tracker", env!("CARGO_BIN_EXE_firn-tracker"))).unwrap();
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&file).output() else {
        eprintln!("SKIPPED: the unit, because systemd-analyze cannot be run");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Units of the machine that are not ours may be broken: they are named in the line.
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("firn-tracker")).collect();
    assert_eq!(about_ours, [""; 0], "{said}");
    let security = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=20"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&security.stdout).into_owned();
    assert!(security.status.success(), "an exposure of 2.0 or more: {said}");
}
