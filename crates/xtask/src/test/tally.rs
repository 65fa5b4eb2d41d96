/// What was checked, counted from what the tests print.
#[derive(Debug, Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
    skipped: Vec<String>,
    in_successes: bool,
}

impl Tally {
    /// Reads one line of a test run: `cargo test`'s results, names of failed tests, and loud skips.
    ///
    /// Says whether it is worth showing: what passing tests printed is not.
    pub fn read(&mut self, line: &str) -> bool {
        let line = line.trim_end();
        self.in_successes = match line {
            "successes:" => true,
            "failures:" => false,
            _ => self.in_successes && !line.starts_with("test result: "),
        };
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        } else if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED")) {
            self.failures.push(format!("test {name}"));
        } else if line.starts_with("SKIPPED") && !self.skipped.iter().any(|s| s == line) {
            self.skipped.push(line.to_owned());
        }
        !self.in_successes
    }

    /// One check that passed or not.
    pub fn check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.failures.push(name.to_owned());
        }
    }

    /// A step that counted nothing itself is one check; one that failed never goes by as passed.
    pub fn close_step(&mut self, name: &str, before: Counted, ended_well: bool) {
        let now = self.counted();
        if now == before || (!ended_well && now.failed == before.failed) {
            self.check(name, ended_well);
        }
    }

    /// The counts so far.
    pub const fn counted(&self) -> Counted {
        Counted {
            passed: self.passed,
            failed: self.failed,
        }
    }

    /// How many checks passed.
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// How many failed.
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// The names of what failed.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// What was skipped, each reason once.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

/// Counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    passed: u64,
    failed: u64,
}

fn number_before(text: &str, what: &str) -> u64 {
    let end = text.find(what).unwrap_or(0);
    let digits = text
        .get(..end)
        .unwrap_or_default()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: ok. 120 passed; 0 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            assert!(tally.read(line));
        }
        assert_eq!((tally.passed(), tally.failed()), (122, 1));
        assert_eq!(tally.failures(), ["test a::c"]);
    }

    #[test]
    fn what_passing_tests_print_is_searched_but_not_shown() {
        let mut tally = Tally::default();
        let lines = [
            "test a ... ok",
            "successes:",
            "---- a stdout ----",
            "SKIPPED: no feeds",
            "SKIPPED: no feeds",
            "successes:",
            "    a",
            "failures:",
            "---- b stdout ----",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored",
            "running 1 test",
        ];
        let shown: Vec<&str> = lines.into_iter().filter(|l| tally.read(l)).collect();
        assert_eq!(
            shown,
            [
                "test a ... ok",
                "failures:",
                "---- b stdout ----",
                "test result: FAILED. 1 passed; 1 failed; 0 ignored",
                "running 1 test"
            ]
        );
        assert_eq!(tally.skipped(), ["SKIPPED: no feeds"]);
    }

    #[test]
    fn a_step_that_dies_without_counting_a_failure_fails() {
        let mut tally = Tally::default();
        let before = tally.counted();
        tally.read("test result: ok. 5 passed; 0 failed; 0 ignored");
        tally.close_step("tests", before, false);
        assert_eq!((tally.passed(), tally.failed()), (5, 1));
        let before = tally.counted();
        tally.close_step("format", before, true);
        assert_eq!((tally.passed(), tally.failed()), (6, 1));
        assert_eq!(tally.failures(), ["tests"]);
    }
}
