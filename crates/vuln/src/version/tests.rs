use super::*;
use Ordering::{Equal, Greater, Less};

/// Each list in ascending order; versions in one string separated by ` = ` are equal.
fn ascending(scheme: Scheme, lists: &[&[&str]]) {
    for list in lists {
        let groups: Vec<Vec<&str>> = list.iter().map(|group| group.split(" = ").collect()).collect();
        for (i, group) in groups.iter().enumerate() {
            for a in group {
                for (j, other) in groups.iter().enumerate() {
                    for b in other {
                        assert_eq!(compare(scheme, a, b), Some(i.cmp(&j)), "{scheme}: {a} against {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn generic_means_what_authors_mean() {
    ascending(
        Scheme::Generic,
        &[
            &["152.0.9", "153.0 = 153 = 153.0.0 = v153.0 = 0153.0", "153.0.1"],
            &[
                "1.0.dev3",
                "1.0a1 = 1.0-alpha1 = 1.0.0alpha.1",
                "1.0a2",
                "1.0beta2 = 1.0b2",
                "1.0-M1",
                "1.0pre",
                "1.0rc1 = 1.0-rc1 = 1.0.0-RC.1",
                "1.0-rc2",
                "1.0",
            ],
            &[
                "1.0.2",
                "1.0.2a",
                "1.0.2u",
                "1.0.2z",
                "1.0.2za",
                "1.0.2zd = openssl-1.0.2zd = OpenSSL 1.0.2zd",
                "1.1.0",
                "1.1.1-pre9",
                "1.1.1",
                "1.1.1f",
                "1.1.1g",
            ],
            &[
                "2.7.6-rc1",
                "2.7.6",
                "2.7.6-p1 = 2.7.6p1 = 2.7.6.p1 = 2.7.6 patch 1",
                "2.7.6-p2",
                "2.7.6.1",
                "2.7.7",
            ],
            &["6.9.11-13", "6.9.11-14", "6.9.12", "7.0.8 = 7.0.8-0", "7.0.8-55", "7.0.9-1"],
            &[
                "1.1",
                "1.2 = v1.2 = release-1.2 = 1.2-wrapped = 1.2+abi=5.0",
                "1.2-unstable-2023-01-01 = 1.2+git20230101 = 1.2+unstable=2023-01-01",
                "1.2-unstable-2023-06-01",
                "1.2.1",
                "1.3",
            ],
            &["0-unstable-2024-05-01", "0-unstable-2024-05-02", "0.1"],
            &["4.4", "4.4-p23", "5.0-p17", "5.1"],
            &["8u242 = 1.8.0_242 = 8.0.242 = jdk8u242", "8u252 = 1.8.0_252", "11.0.7", "11.0.8"],
            &[
                "9.0.0.M1 = 9.0.0-M1",
                "9.0.0.M27",
                "9.0.0.RC1",
                "9.0.0 = 9.0.0.Final = 9.0.0.GA = 9",
            ],
            &[
                "2.0.0-alpha",
                "2.0.0-alpha.1",
                "2.0.0-alpha.9",
                "2.0.0-alpha.10",
                "2.0.0-beta",
                "2.0.0-SNAPSHOT",
                "2.0.0",
            ],
            &["1.2.3~git", "1.2.3~rc1 = 1.2.3-rc1", "1.2.3", "1.2.3+3", "1.2.4"],
            &["5.4-rc3 = 5.4.0-rc3", "5.4", "5.4.0-26-generic = 5.4.0-26", "5.4.1", "5.4.10"],
            &["68.9.0esr", "68.10.0esr = 68.10.0 = 68.10 = 68.10 ESR", "68.11.0esr"],
            &[
                "1.31.0",
                "1.31.1 = 1.31.1-x86_64-unknown-linux-musl = 1.31.1_x86 = 1.31.1-stable_amd64",
                "1.31.1-1",
            ],
            &["19.10b0", "19.10", "19.10.1"],
            &[
                "2020-01-09",
                "2020-01-10 = 20200110 = 2020_01_10 = unstable-2020-01-10 = 2020.01.10",
                "20200110-2",
                "2020-01-11",
            ],
            &[
                "RELEASE.2023-03-20T20-16-18Z = 2023-03-20T20-16-18Z",
                "2023-03-20T21-00-00Z",
                "2023-03-21T00-00-00Z",
            ],
            &["1.24.17+k3s1", "1.28.1+k3s1 = v1.28.1+k3s1", "1.28.1+k3s2"],
            &["2.50pre20171114", "2.50pre20180101", "2.50"],
            &["99999999999999999999999", "100000000000000000000000", "100000000000000000000000.1"],
            &["1.99", "1.100"],
            &["2.14.1 = log4j-2.14.1 = log4j2-2.14.1", "2.15.0"],
            &["8.2", "8.2_20170817", "8.2_20180101", "8.2.1"],
            &["0.0.0-20200622213623-75b288015ac9", "0.0.0-20210101000000-75b288015ac9", "0.0.1"],
            &["7.9-rc.1", "7.9", "7.9-sp1"],
            &["3.0 = 1:3.0", "3.1"],
        ],
    );
}

#[test]
fn what_has_no_order_is_not_compared_and_says_why() {
    use Incomparable::{CommitAgainstVersion, Commits, DateAgainstRelease, NoNumber};
    for (a, b, why) in [
        ("1da177e4c3f4", "0478ccdc8ea0", Commits),
        ("1da177e4c3f41524e886b7f1b8a0c1fc7321cac2", "1.2.3", CommitAgainstVersion),
        ("2020-05-01", "1.2.3", DateAgainstRelease),
        ("20200501", "1.2.3", DateAgainstRelease),
        ("unstable-2020-05-01", "1.2.3", DateAgainstRelease),
        ("", "1.0", NoNumber),
        ("n/a", "1.0", NoNumber),
        ("unspecified", "1.0", NoNumber),
        ("*", "1.0", NoNumber),
        ("-", "-", NoNumber),
        ("trunk", "trunk", NoNumber),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            assert_eq!(compare(Scheme::Generic, a, b), None, "{a} against {b}");
            assert_eq!(why_not(Scheme::Generic, a, b), Some(why), "{a} against {b}");
        }
    }
    assert_eq!(why_not(Scheme::Generic, "1.0", "1.1"), None);
    assert_eq!(compare(Scheme::Generic, "0-unstable-2024-05-01", "2024-04-30"), Some(Greater));
    assert_eq!(compare(Scheme::Generic, "2022.1", "2022-03-01"), Some(Less));
    assert_eq!(
        compare(Scheme::Git, "1da177e4c3f4", "1da177e4c3f41524e886b7f1b8a0c1fc7321cac2"),
        Some(Equal)
    );
    assert_eq!(why_not(Scheme::Git, "1da177e4c3f4", "6.1"), Some(CommitAgainstVersion));
}

#[test]
fn semver_as_specified() {
    ascending(
        Scheme::Semver,
        &[
            &[
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-alpha.beta",
                "1.0.0-beta",
                "1.0.0-beta.2",
                "1.0.0-beta.11",
                "1.0.0-rc.1",
                "1.0.0 = v1.0.0 = 1.0 = 1.0.0+build5",
                "2.0.0",
                "2.1.0",
                "2.1.1",
            ],
            &["0.0.0-20200622213623-75b288015ac9", "0.0.0-20210101000000-0123456789ab", "0.1.0"],
        ],
    );
    for no_semver in ["2.4.4-p6", "1.2-unstable-2023-01-01", "1.1.1g", "1.0rc1", "", "x", "1..2", "1.0-"] {
        assert!(why_not(Scheme::Semver, no_semver, "1.0").is_some(), "{no_semver}");
    }
}

#[test]
fn python_as_specified() {
    ascending(
        Scheme::Python,
        &[
            &[
                "1.0.dev456",
                "1.0a1",
                "1.0a2.dev456",
                "1.0a12.dev456",
                "1.0a12",
                "1.0b1.dev456",
                "1.0b2",
                "1.0b2.post345.dev456",
                "1.0b2.post345",
                "1.0rc1.dev456",
                "1.0rc1 = 1.0c1 = 1.0-preview-1 = 1.0.0RC1",
                "1.0 = v1.0.0 = 1",
                "1.0+abc.5",
                "1.0+abc.7",
                "1.0+5",
                "1.0.post456.dev34",
                "1.0.post456 = 1.0-456 = 1.0.r456",
                "1.0.15",
                "1.1.dev1",
            ],
            &["2013.10", "2014.4", "1!1.0", "1!1.1"],
        ],
    );
    for no_pep440 in ["1.0-wrapped", "french toast", "1.0+", "0-unstable-2024-05-01", "1.1.1g"] {
        assert!(why_not(Scheme::Python, no_pep440, "1.0").is_some(), "{no_pep440}");
    }
}

#[test]
fn maven_as_specified() {
    ascending(
        Scheme::Maven,
        &[
            &[
                "1-alpha2snapshot",
                "1-alpha2 = 1-a2",
                "1-alpha-123",
                "1-beta-2 = 1-b2",
                "1-beta123",
                "1-m2",
                "1-m11",
                "1-rc = 1-cr",
                "1-rc2",
                "1-rc123",
                "1-SNAPSHOT",
                "1 = 1.0 = 1.0.0 = 1-ga = 1.final = 1.RELEASE = 1-0 = 1.0-0.0",
                "1-sp",
                "1-sp2",
                "1-sp123",
                "1-abc",
                "1-def",
                "1-pom-1",
                "1-1-snapshot",
                "1-1",
                "1-2",
                "1-123",
            ],
            &["2.0.1", "2.0.1-xyz", "2.0.1-123", "2.0.2"],
            &["9.0.0.M1", "9.0.0.M10", "9.0.0.RC1", "9.0.0"],
            &["4.1.94.Final = 4.1.94", "4.1.100.Final"],
        ],
    );
    assert_eq!(why_not(Scheme::Maven, "latest", "1"), Some(Incomparable::NoNumber));
}

#[test]
fn rpm_as_rpm_does() {
    ascending(
        Scheme::Rpm,
        &[
            &["1.0~rc1", "1.0", "1.0^20160101", "1.0a", "1.0.1", "1.1"],
            &[
                "4.17.5 = 0:4.17.5",
                "4.17.5-3.el8_8 = 0:4.17.5-3.el8_8",
                "4.17.5-103.el9_2",
                "1:1.0",
            ],
            &["2.0", "2.0.1", "2.0.1a", "2.0.10"],
            &["5.5p1", "5.5p2", "5.5p10"],
        ],
    );
}

#[test]
fn deb_as_dpkg_does() {
    ascending(
        Scheme::Deb,
        &[
            &[
                "1.0~~",
                "1.0~~a",
                "1.0~",
                "1.0 = 1.0-0",
                "1.0-1",
                "1.0-1ubuntu1",
                "1.0a",
                "1.0+dfsg",
                "1.0.1",
                "1:0.5",
            ],
            &["2.31-0ubuntu9", "2.31-0ubuntu9.2", "2.31-0ubuntu10", "2.31-13+deb11u3"],
            &["7.6~0", "7.6"],
        ],
    );
}

#[test]
fn other_schemes() {
    ascending(
        Scheme::Kernel,
        &[&[
            "5.4-rc1",
            "5.4-rc3 = v5.4-rc3 = 5.4.0-rc3",
            "5.4 = 5.4.0-26-generic = 5.4-zen2 = linux-5.4 = 5.4.0+",
            "5.4.1",
            "5.4.221 = 5.4.221-rt79 = 5.4.221-hardened1",
            "5.10",
            "6.12-rc1",
        ]],
    );
    ascending(
        Scheme::Java,
        &[&[
            "7u80 = 1.7.0_80 = 1.7.0:update_80",
            "8 = 1.8.0 = 8.0",
            "8u242-b08 = 8u242 = 1.8.0 update_242 = 8.0.242",
            "8u252",
            "11.0.7 = 11.0.7+10 = 11.0.7-b64 = 11.0.7-ga",
            "11.0.8",
            "14.0.1-ga",
        ]],
    );
    ascending(
        Scheme::Perl,
        &[&["1.9.1", "1.014", "1.02", "1.31", "1.9 = 1.900 = v1.900", "2.0-TRIAL", "2.0 = 2"]],
    );
    ascending(Scheme::Date, &[&["20190304", "2020-05-07 = 20200507", "2020-05-08"]]);
    ascending(Scheme::OpensslLetters, &[&["1.0.2-beta1", "1.0.2", "1.0.2b", "1.0.2u", "1.0.2zd"]]);
    assert_eq!(compare(Scheme::Date, "2020-05-07", "1.2"), None);
    assert_eq!(compare(Scheme::Date, "2020-05-07", "2020.1"), None);
}

#[test]
fn schemes_are_named_by_records() {
    for (text, scheme) in [
        ("custom", None),
        ("", None),
        ("semver", Some(Scheme::Semver)),
        ("SemVer", Some(Scheme::Semver)),
        ("git", Some(Scheme::Git)),
        ("original_commit_for_fix", Some(Scheme::Kernel)),
        ("rpm", Some(Scheme::Rpm)),
        ("maven", Some(Scheme::Maven)),
        ("python", Some(Scheme::Python)),
        ("date", Some(Scheme::Date)),
        ("patch", None),
        ("Platform Initialization", None),
        ("2024.3", None),
    ] {
        assert_eq!(Scheme::from_version_type(text), scheme, "{text}");
    }
    assert_eq!(Scheme::from_osv_ecosystem("Debian:12"), Some(Scheme::Deb));
    assert_eq!(Scheme::from_osv_ecosystem("Go"), Some(Scheme::Semver));
    assert_eq!(Scheme::from_osv_ecosystem("Nix"), None);
}

#[test]
fn helpers() {
    assert_eq!(*components("1.10.0-rc1"), [1, 10, 0]);
    assert_eq!(*components("6.9.11-14"), [6, 9, 11, 14]);
    assert_eq!(*components("8u252"), [8, 0, 252]);
    assert_eq!(*components("openssl-1.0.2u"), [1, 0, 2]);
    assert_eq!(*components("2024-05-01"), [2024, 5, 1]);
    assert_eq!(*components("1.2.3.4.5.6.7.8"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(*components("99999999999999999999999.1"), [u64::MAX, 1]);
    assert!(components("n/a").is_empty());
    assert!(components("1da177e4c3f4").is_empty());
    assert_eq!(*components("1.10.17").prefix(2), [1, 10]);
    assert!(components("1.10.17").is_on_line(&[1, 10]) && !components("1.10.17").is_on_line(&[1, 1]));
    assert_eq!(common_prefix_len("1.10.17", "1.10.12"), 2);
    assert_eq!(common_prefix_len("1.10.17", "2.0"), 0);
    for (text, wanted) in [
        ("1.0rc1", true),
        ("2.0.0-alpha.1", true),
        ("2.50pre20171114", true),
        ("beta-2", true),
        ("1.0", false),
        ("1.0-p1", false),
        ("1.2-unstable-2023-01-01", false),
        ("alpha", false),
    ] {
        assert_eq!(is_prerelease(text), wanted, "{text}");
    }
    assert_eq!(date_of("0-unstable-2024-05-01"), Some((2024, 5, 1)));
    assert_eq!(date_of("1.2.3"), None);
}
