//! The order is a total preorder on what it compares: for generated versions, for the versions of real packages, and for any text without a panic.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const SCHEMES: [Scheme; 12] = [
    Scheme::Generic,
    Scheme::Semver,
    Scheme::Python,
    Scheme::Maven,
    Scheme::Rpm,
    Scheme::Deb,
    Scheme::OpensslLetters,
    Scheme::Kernel,
    Scheme::Java,
    Scheme::Perl,
    Scheme::Date,
    Scheme::Git,
];

/// Versions of real packages and records, as different as they come.
const REAL: &[&str] = &[
    "0",
    "0.0",
    "0-unstable-2020-07-01",
    "0-unstable-2024-05-01",
    "0.0.0-20200622213623-75b288015ac9",
    "0.0.0+rev=7708026",
    "0.1",
    "0.1a-unstable-2024-10-12",
    "0.3_beta15",
    "0.4.0-rev25-4.14.189",
    "0.5a-2",
    "0.7.4p4",
    "0.8.pre6",
    "0.9.3+16",
    "0.9.5_beta",
    "0.9.8zh",
    "0.18.2+matrix.1",
    "0.20.2.p2",
    "0.94+2",
    "0.94m",
    "0.99.beta19",
    "0.pre+unstable=2019-05-01",
    "1",
    "1-qt4-0.112.0",
    "1.0",
    "1.0-M1",
    "1.0-RC1",
    "1.0-beta.1",
    "1.0-p1",
    "1.0.0",
    "1.0.0-alpha12",
    "1.0.0-beta.8",
    "1.0.0-beta4",
    "1.0.0.rc16",
    "1.0.1",
    "1.0.2",
    "1.0.2u",
    "1.0.2za",
    "1.0.dev3",
    "1.0.post1",
    "1.01b",
    "1.0rc1",
    "1.0~rc1",
    "1.1.0g",
    "1.1.0+1.12+8.13",
    "1.1.1",
    "1.1.1-pre9",
    "1.1.1g",
    "1.17.0-dev.5.0",
    "1.15beta1",
    "1.2.5042-wrapper",
    "1.22.0.0_DPDK_18.11",
    "1.24.17+k3s1",
    "1.32b-3",
    "1.4.3_pl1",
    "1.43_5",
    "1.5.1-stable5",
    "1.5.1.jar",
    "1.62-pre-4.14.189",
    "1.63-6.0.16",
    "1.63-6.0.16-bcachefs-unstable-2022-10-31",
    "1.7.7-SNAPSHOT",
    "1.8.0_242",
    "1.8.0_252",
    "100dpi-1.0.3",
    "10.0-cudnn-7.4.2",
    "10.0a12",
    "102.6.0esr",
    "11-ea+22",
    "11.0.7",
    "11.0.7+10",
    "11.0.7-b64",
    "11.0.7-ga",
    "11.3.rel1",
    "115+unstable=2021-08-18",
    "12.4(24)T4a",
    "13.3.rel1",
    "14.0.1-ga",
    "14.10.4",
    "14.6-rc-1",
    "153.0",
    "153.0.0",
    "16.3+xamarinxplat.2019.07.26.14.57",
    "16n",
    "18_beta",
    "19.10b0",
    "19.12.24a1",
    "1da177e4c3f4",
    "1:2.3",
    "1_4_21022014",
    "2.0.0-M14",
    "2.0.0-alpha.3",
    "2.0.0-dev.15",
    "2.01pl1",
    "2.0.dev7",
    "2.1.0.beta1",
    "2.1.3.p4",
    "2.1.8-staging-2022-12-01",
    "2.1a4",
    "2.3.1~dfsg-1",
    "2.4.0-rc4-6.6.118",
    "2.4.4-p6",
    "2.4.8-1-cuda-10.2",
    "2.45.0-1-unstable-2.45.0-1",
    "2.50pre20171114",
    "2.5.0-b.23",
    "2.6.stable17",
    "2.65c",
    "2.7.1_cvs13",
    "2.7.6-p1",
    "2.7b.1",
    "2.20220925.4.0a-unstable-2025-11-27",
    "20.09pre",
    "2004",
    "2013-a",
    "2014",
    "2019-05-08",
    "2019.3.1",
    "2019_10_07",
    "20080904-138ca7038",
    "201905r1",
    "20191227-git",
    "20200110",
    "2020-01-10",
    "2020-04-07-4.14.189",
    "2020-04-R2",
    "2020-05-01T22-19-14Z",
    "2020.05.01",
    "20200515-dev",
    "2020b",
    "2021.1",
    "2022.07.1+554-wrapper",
    "2022.1",
    "2022-04-01-dev",
    "2022_SU5",
    "2023.q3.1",
    "22p",
    "2:8.2.3995",
    "23.0.knots20220529",
    "28-1ubuntu4",
    "3.0.0-beta1",
    "3.0.0.pre.1",
    "3.02a09",
    "3.09-alpha-30",
    "3.4.4-extracted",
    "3.5.0-preview1",
    "3.63x",
    "30.pre9",
    "390.138",
    "4-with-plugins",
    "4.1+dbg-1.1",
    "4.1.94.Final",
    "4.14.165-172",
    "4.14.165-172-unstable-2020-05-19",
    "4.14.189-5.6.4.2_35491.20200318",
    "4.14.189-fc0194",
    "4.17.5-3.el8_8",
    "4.2_2015-02-22",
    "4.4-p23",
    "4.9.3-complete.jar",
    "42.beta",
    "5.0-p17",
    "5.10.158-rt77",
    "5.12-staging",
    "5.4",
    "5.4-rc3",
    "5.4.0-26-generic",
    "5.4.1",
    "5.4.53-gnu",
    "5.4.53-hardened",
    "5.x-1.6",
    "6-2017-q2-update",
    "6.0.0-pre.20220720.3",
    "6.0.10-lqx1",
    "6.1.10.vbox-extpack",
    "6.9.11-14",
    "60",
    "68.10.0esr",
    "68.9.0esr",
    "7.0.8",
    "7.0.8-0",
    "7.0.8-55",
    "7.1-572-g26966134",
    "7.1.2-ga3",
    "7.3.0-fuzzy-logic-toolkit-0.4.6",
    "7.6.q-26",
    "8-update8",
    "8.0.242",
    "8.2_20170817",
    "8393e03",
    "8u242",
    "8u242-b08",
    "8u252",
    "9.0.0",
    "9.0.0.M1",
    "9.0.0.M27",
    "99.9.9.9.9.9.9.9",
    "9d",
    "99999999999999999999999999",
    "OpenSSL_1_1_1g",
    "R28.3.15",
    "REL_12_3",
    "V3 SP2",
    "alpha",
    "b1940",
    "beta-2",
    "curl-7_70_0",
    "latest",
    "log4j-2.14.1",
    "n/a",
    "openssl-1.0.2",
    "r110.0",
    "release-1.2",
    "svn_revision_283",
    "unstable-2020-05-01",
    "unstable-2021-02-09-2",
    "v1.2",
    "v7",
    "x8.1.0",
];

/// Fails with the versions that break the order.
fn check(scheme: Scheme, versions: &[&str]) {
    let n = versions.len();
    let order: Vec<Option<Ordering>> = versions
        .iter()
        .flat_map(|a| versions.iter().map(|b| compare(scheme, a, b)))
        .collect();
    for a in 0..n {
        assert!(
            matches!(order[a * n + a], None | Some(Ordering::Equal)),
            "{scheme}: {} against itself",
            versions[a]
        );
        for b in 0..n {
            let ab = order[a * n + b];
            assert_eq!(
                ab.map(Ordering::reverse),
                order[b * n + a],
                "{scheme}: {} and {}",
                versions[a],
                versions[b]
            );
            if !matches!(ab, Some(Ordering::Less | Ordering::Equal)) {
                continue;
            }
            for c in 0..n {
                if let (Some(bc), Some(ac)) = (order[b * n + c], order[a * n + c])
                    && bc.is_le()
                {
                    let strict = ab == Some(Ordering::Less) || bc.is_lt();
                    assert_eq!(
                        ac.is_lt(),
                        strict,
                        "{scheme}: {} and {} and {}",
                        versions[a],
                        versions[b],
                        versions[c]
                    );
                }
            }
        }
    }
}

#[test]
fn real_versions_are_ordered_under_every_scheme() {
    for scheme in SCHEMES {
        check(scheme, REAL);
    }
}

#[test]
fn only_words_are_no_versions() {
    for version in REAL {
        let word = ["alpha", "latest", "n/a"].contains(version);
        assert_eq!(Scheme::Generic.accepts(version), !word, "{version}");
    }
}

fn version() -> impl Strategy<Value = String> {
    let number = || {
        select(vec![
            "0",
            "1",
            "2",
            "9",
            "10",
            "00",
            "01",
            "252",
            "2020",
            "05",
            "1999",
            "20200501",
            "20240230123456",
            "123456789012345678901234567890",
        ])
    };
    let separator = || select(vec![".", ".", ".", ".", "-", "_", "+", "~", "", " ", ":", "^", "-.", "!"]);
    let word = || {
        select(vec![
            "a",
            "b",
            "c",
            "m",
            "p",
            "r",
            "u",
            "x",
            "z",
            "za",
            "zd",
            "g1234567",
            "rc",
            "beta",
            "alpha",
            "pre",
            "dev",
            "post",
            "sp",
            "patch",
            "unstable",
            "git",
            "esr",
            "Final",
            "ga",
            "RELEASE",
            "SNAPSHOT",
            "M",
            "cr",
            "wrapped",
            "unstable-2020-05-01",
            "git20200501",
            "8393e03",
            "rev=77ab",
            "el8",
            "build",
            "ubuntu",
        ])
    };
    let part = prop_oneof![3 => (separator(), number()), 2 => (separator(), word())];
    let prefix = select(vec![
        "",
        "",
        "",
        "",
        "v",
        "release-",
        "openssl-",
        "1:",
        "1!",
        "unstable-",
        "beta-",
        "8u",
        "1.8.0_",
    ]);
    (prefix, number(), proptest::collection::vec(part, 0..5)).prop_map(|(prefix, first, parts)| {
        let rest: String = parts.into_iter().flat_map(|(separator, text)| [separator, text]).collect();
        format!("{prefix}{first}{rest}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_versions_are_ordered(versions in proptest::collection::vec(version(), 10)) {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        for scheme in SCHEMES {
            check(scheme, &versions);
        }
    }

    #[test]
    fn the_short_way_gives_the_order_of_the_long_one(a in version(), b in version(), c in "[0-9]{1,4}[.0-9a-c_~+-]{0,9}", d in "[0-9]{1,4}[.0-9a-c_~+-]{0,9}") {
        for rules in [Rules::Generic, Rules::Letters, Rules::Kernel] {
            for (a, b) in [(&a, &b), (&a, &c), (&c, &d)] {
                if let Some(order) = order_by_numbers(a.as_bytes(), b.as_bytes(), rules) {
                    prop_assert_eq!(Ok(order), tokens_in_order(a, b, rules), "{:?}: {} and {}", rules, a, b);
                }
            }
        }
    }

    #[test]
    fn plain_numbers_are_those_of_the_tokens(version in "[0-9]{1,9}[.0-9]{0,9}") {
        let reading = Reading::new(&version, Rules::Generic);
        prop_assert!(!is_plain(version.as_bytes()) || components(&version) == reading.numbers().collect::<Components>());
    }

    #[test]
    fn generated_versions_are_generic_versions(version in version()) {
        prop_assert!(Scheme::Generic.accepts(&version));
        prop_assert_eq!(compare(Scheme::Generic, &version, &format!(" {version} ")), Some(Ordering::Equal));
    }

    #[test]
    fn zeros_at_the_end_and_a_leading_v_do_not_matter(numbers in proptest::collection::vec(0..1970u32, 1..5), zeros in 0..3usize) {
        let plain = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let padded = format!("v{plain}{}", ".0".repeat(zeros));
        prop_assert_eq!(compare(Scheme::Generic, &plain, &padded), Some(Ordering::Equal));
        prop_assert_eq!(compare(Scheme::Generic, &format!("{plain}-rc1"), &format!("{padded}-rc1")), Some(Ordering::Equal));
    }

    #[test]
    fn any_text_is_ordered_without_a_panic(a in any::<String>(), b in any::<String>(), c in version()) {
        for scheme in SCHEMES {
            check(scheme, &[&a, &b, &c, &format!("{c}{a}"), &format!("{b}{c}")]);
            let _ = why_not(scheme, &a, &b);
        }
        let _ = (components(&a), is_prerelease(&a), date_of(&a), common_prefix_len(&a, &b));
    }
}
