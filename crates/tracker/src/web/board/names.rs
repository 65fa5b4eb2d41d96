//! The names of all packages, for a search that finds the middle of a name too.

/// All attributes and package names.
#[derive(Default)]
pub struct Names {
    names: Vec<String>,
    /// In lower case, each with a line break behind it: one text to search.
    text: String,
    /// Where each name begins in `text`.
    starts: Vec<usize>,
}

impl Names {
    /// Candidates ranked at most: a single letter is in nearly all names.
    const RANKED: usize = 20_000;

    /// Takes names, each once.
    pub fn new(names: Vec<String>) -> Self {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(names.len());
        for name in &names {
            starts.push(text.len());
            text.push_str(&name.to_lowercase());
            text.push('\n');
        }
        Self { names, text, starts }
    }

    /// The names that hold `needle`, in any case: equal ones first, then those that begin with it or have a part that does, shorter ones first.
    pub fn search(&self, needle: &str, limit: usize) -> Vec<&str> {
        let needle = needle.to_lowercase();
        if needle.is_empty() || needle.contains('\n') {
            return Vec::new();
        }
        let mut found: Vec<(u8, usize, &str)> = Vec::new();
        let mut last = None;
        for (at, _) in self.text.match_indices(&needle).take(Self::RANKED) {
            let index = self.starts.partition_point(|&start| start <= at).saturating_sub(1);
            if last == Some(index) {
                continue;
            }
            last = Some(index);
            let (Some(name), Some(&start)) = (self.names.get(index), self.starts.get(index)) else {
                continue;
            };
            let lower = self.text.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
            let rank = rank(lower, &needle, at - start);
            found.push((rank, name.len(), name));
        }
        // Only what is shown needs to be in order.
        if limit < found.len() {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        found.into_iter().map(|(_, _, name)| name).collect()
    }
}

/// Lower is better.
fn rank(name: &str, needle: &str, at: usize) -> u8 {
    let leaf = name.rsplit('.').next().unwrap_or(name);
    if name == needle {
        0
    } else if leaf == needle {
        1
    } else if at == 0 || leaf.starts_with(needle) {
        2
    } else if name.as_bytes().get(at.wrapping_sub(1)).is_some_and(|b| !b.is_ascii_alphanumeric()) {
        3
    } else {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        Names::new(list.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn best_names_come_first() {
        let names = names(&[
            "curl",
            "curlFull",
            "haskellPackages.curl",
            "libcurl-dev",
            "python3Packages.pycurl",
            "sed",
        ]);
        assert_eq!(
            names.search("CURL", 10),
            ["curl", "haskellPackages.curl", "curlFull", "libcurl-dev", "python3Packages.pycurl"]
        );
        assert_eq!(names.search("curl", 2), ["curl", "haskellPackages.curl"]);
        assert_eq!(names.search("d\nc", 2), [""; 0]);
        assert_eq!(names.search("", 2), [""; 0]);
    }

    #[test]
    fn a_name_is_found_once_though_it_matches_twice() {
        assert_eq!(names(&["aXaXa"]).search("xa", 9), ["aXaXa"]);
    }

    #[test]
    fn names_outside_ascii_do_not_shift_the_index() {
        assert_eq!(names(&["ÄİÄ", "b", "İc"]).search("c", 9), ["İc"]);
        assert_eq!(names(&["ÄİÄ", "b", "İc"]).search("b", 9), ["b"]);
    }
}
