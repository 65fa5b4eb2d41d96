//! Words of a text and of a question, cut by our own rule: PostgreSQL's parser makes hosts, versions and paths of them, and finds neither
//! half of a hyphenated word by its beginning.

use std::collections::BTreeMap;

/// Words of one vulnerability that are indexed at most, and the letters of all of them: PostgreSQL's limit is 1 MiB.
const MOST: usize = 16_000;
const MOST_LETTERS: usize = 400_000;

/// Letters of a word that count.
const LONGEST: usize = 255;

/// Places that a word keeps at most, and the last place there is: PostgreSQL's limits.
const PLACES: usize = 255;
const LAST_PLACE: usize = 16_383;

/// So that a phrase does not go on from one text into the next.
const GAP: usize = 10;

/// A last word of so many letters may be the start of one, as in SQLite.
const PREFIX: usize = 3;

/// A `tsvector` as PostgreSQL reads it.
pub fn vector(texts: &[&str]) -> String {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let (mut place, mut words, mut letters) = (0, 0, 0);
    for text in texts {
        for word in split(text) {
            place += 1;
            words += 1;
            letters += word.len();
            if words > MOST || letters > MOST_LETTERS {
                break;
            }
            let known = places.entry(word).or_default();
            if known.len() < PLACES && place <= LAST_PLACE {
                known.push(place);
            }
        }
        place += GAP;
    }
    let mut out = String::new();
    for (word, places) in places {
        if !out.is_empty() {
            out.push(' ');
        }
        // Words are letters and digits: nothing in them needs escaping.
        out.push_str(&format!("'{word}'"));
        for (n, place) in places.iter().enumerate() {
            out.push(if n == 0 { ':' } else { ',' });
            out.push_str(&place.to_string());
        }
    }
    out
}

/// All words as a `tsquery`: those of one word of the question stand side by side, the last may be the start of one. `None` where no word
/// holds a letter or digit.
pub fn question(words: &[String]) -> Option<String> {
    let mut parts: Vec<Vec<String>> = words
        .iter()
        .map(|word| split(word).collect())
        .filter(|part: &Vec<_>| !part.is_empty())
        .collect();
    let last = parts.last_mut()?.last_mut()?;
    let is_beginning = last.chars().count() >= PREFIX;
    let mut asked: Vec<String> = parts
        .iter()
        .map(|part| part.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" <-> "))
        .collect();
    if let Some(last) = asked.last_mut().filter(|_| is_beginning) {
        last.push_str(":*");
    }
    Some(asked.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" & "))
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.chars()
                .take(LONGEST)
                .flat_map(char::to_lowercase)
                .filter(|c| c.is_alphanumeric())
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places() {
        assert_eq!(
            vector(&["CVE-2024-1", "It's a-A", ""]),
            "'1':3 '2024':2 'a':16,17 'cve':1 'it':14 's':15"
        );
        let long = vector(&[&"x ".repeat(20_000), &"y".repeat(9_000)]);
        assert!(
            long.starts_with("'x':1,2,3") && long.ends_with(",255"),
            "{}",
            &long[long.len() - 20..]
        );
    }

    #[test]
    fn words_cannot_become_operators() {
        let asked = |text: &str| question(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            asked("Buffer !(a | 'b' lib-tif").as_deref(),
            Some("('buffer') & ('a') & ('b') & ('lib' <-> 'tif':*)")
        );
        assert_eq!(asked("in th").as_deref(), Some("('in') & ('th')"));
        assert_eq!(asked("' & |"), None);
    }
}
