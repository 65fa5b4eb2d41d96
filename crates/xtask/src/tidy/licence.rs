//! SPDX licence expressions, as far as Cargo manifests use them.

/// Whether a licence expression can be met with the allowed licences alone. `None`: it cannot be read.
///
/// `/` is the old way to write OR. Expressions nested deeper than anyone writes are not read.
pub fn is_met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        depth: 0,
        allowed,
    };
    let met = reader.either()?;
    reader.words.is_empty().then_some(met)
}

const DEEPEST: usize = 16;

struct Reader<'a> {
    words: &'a [&'a str],
    depth: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    fn either(&mut self) -> Option<bool> {
        let mut met = self.both()?;
        while self.take("OR") {
            met |= self.both()?;
        }
        Some(met)
    }

    fn both(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return None;
            }
            let met = self.either()?;
            self.depth -= 1;
            return self.take(")").then_some(met);
        }
        let name = self.next().filter(|w| !matches!(*w, "OR" | "AND" | "WITH" | ")"))?;
        if self.take("WITH") {
            let exception = self.next()?;
            return Some((self.allowed)(&format!("{name} WITH {exception}")));
        }
        Some((self.allowed)(name))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.next();
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> Option<bool> {
        is_met(expression, &|l| {
            matches!(l, "MIT" | "Unicode-3.0" | "Apache-2.0 WITH LLVM-exception")
        })
    }

    #[test]
    fn expressions() {
        assert_eq!(met("MIT OR Apache-2.0"), Some(true));
        assert_eq!(met("MIT/Apache-2.0"), Some(true));
        assert_eq!(met("Apache-2.0"), Some(false));
        assert_eq!(met("MIT AND GPL-3.0"), Some(false));
        assert_eq!(met("(MIT OR Apache-2.0) AND Unicode-3.0"), Some(true));
        assert_eq!(met("GPL-3.0 OR MIT AND Zlib"), Some(false));
        assert_eq!(met("Apache-2.0 WITH LLVM-exception OR Zlib"), Some(true));
    }

    #[test]
    fn what_cannot_be_read_is_said_so() {
        for bad in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "OR MIT", &"(".repeat(99)] {
            assert_eq!(met(bad), None, "{bad}");
        }
    }
}
