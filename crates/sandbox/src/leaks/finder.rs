//! The search itself.

use std::fmt;

use super::canary::Canary;
use super::reading::{Reading, printable};

/// What is shorter would stand in ordinary texts too.
const SHORTEST: usize = 6;
/// Secrets of at least twice this length are looked for in pieces of it, so that a part of one is found.
const PIECE: usize = 16;
/// Encodings that stand one inside the other are read back so many deep.
const DEEPEST: usize = 3;
/// Size of the table of beginnings.
const TABLE: usize = 1 << 16;

/// Looks for secrets in texts, whatever they are written in. `Debug` shows no value.
///
/// A secret of several lines is looked for line by line, save lines under six characters and those without a letter or digit. One of 32
/// characters or more is looked for in pieces of 16, so any 31 characters of it that stand in a row are found.
pub struct Finder {
    canaries: Vec<Canary>,
    pieces: Vec<Piece>,
    /// By the hash of three bytes: one more than the number of the first piece that begins so, or 0.
    table: Vec<u32>,
}

struct Piece {
    bytes: Vec<u8>,
    canary: usize,
    /// One more than the number of the next piece whose beginning has the same hash, or 0.
    next: u32,
}

/// A secret that was found: which, and what it was written in. Shows its name alone.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The secret.
    pub canary: &'a Canary,
    /// What it was written in, the outermost first, such as `base64 in JSON escapes`; `plain` where it stood as it is.
    pub encoding: String,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.canary.name, self.encoding)
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Finder").field("canaries", &self.canaries).finish_non_exhaustive()
    }
}

impl Finder {
    /// A search for these secrets. Of several with one value the first is named, and its homes are those of all of them.
    pub fn new(canaries: impl IntoIterator<Item = Canary>) -> Self {
        let mut finder = Self { canaries: Vec::new(), pieces: Vec::new(), table: vec![0; TABLE] };
        let mut by_value = std::collections::BTreeMap::new();
        for canary in canaries {
            if let Some(known) =
                by_value.get(&canary.value).and_then(|known: &usize| finder.canaries.get_mut(*known))
            {
                known.homes.extend(canary.homes);
                continue;
            }
            by_value.insert(canary.value.clone(), finder.canaries.len());
            finder.add_pieces(&canary.value);
            finder.canaries.push(canary);
        }
        finder
    }

    fn add_pieces(&mut self, value: &str) {
        let canary = self.canaries.len();
        let says_something = |line: &&str| line.len() >= SHORTEST && line.contains(char::is_alphanumeric);
        for line in value.lines().map(str::trim).filter(says_something) {
            let whole = line.as_bytes();
            let length = if whole.len() < 2 * PIECE { whole.len() } else { PIECE };
            for bytes in whole.chunks_exact(length) {
                let number = u32::try_from(self.pieces.len() + 1).unwrap_or_default();
                let Some(first) = hash(bytes).and_then(|hash| self.table.get_mut(hash)) else { continue };
                let next = std::mem::replace(first, number);
                self.pieces.push(Piece { bytes: bytes.to_vec(), canary, next });
            }
        }
    }

    /// The secrets that stand in these bytes, each once, in the simplest encoding that it stands in.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found<'_>> {
        let mut found: Vec<Option<Vec<Reading>>> = vec![None; self.canaries.len()];
        self.note(bytes, &[], &mut found);
        if std::str::from_utf8(bytes).is_ok() {
            self.read_back(bytes, &mut Vec::new(), &mut found);
        } else {
            // What is no text is mostly noise; the texts in it are what matters.
            self.read_back(&printable(bytes, SHORTEST), &mut Vec::new(), &mut found);
        }
        let named = self.canaries.iter().zip(found);
        named
            .filter_map(|(canary, readings)| Some(Found { canary, encoding: in_words(&readings?) }))
            .collect()
    }

    fn read_back(&self, bytes: &[u8], path: &mut Vec<Reading>, found: &mut [Option<Vec<Reading>>]) {
        if path.len() == DEEPEST || bytes.len() < SHORTEST {
            return;
        }
        for reading in Reading::ALL {
            // Base64 in base64 is common (a login in a file that is kept in a variable), and so is JSON in JSON; the others are not.
            if path.contains(&reading) && !matches!(reading, Reading::Base64 | Reading::Backslashes) {
                continue;
            }
            if let Some(read) = reading.read(bytes) {
                path.push(reading);
                self.note(&read, path, found);
                self.read_back(&read, path, found);
                path.pop();
            }
        }
    }

    /// Looks for the secrets as they are.
    fn note(&self, bytes: &[u8], path: &[Reading], found: &mut [Option<Vec<Reading>>]) {
        // An automaton over all pieces would be dearer to build than most texts are to search.
        for (at, window) in bytes.windows(3).enumerate() {
            let mut number = hash(window).and_then(|hash| self.table.get(hash)).copied().unwrap_or_default();
            while let Some(piece) = number.checked_sub(1).and_then(|index| self.pieces.get(index as usize)) {
                if bytes.get(at..).is_some_and(|rest| rest.starts_with(&piece.bytes))
                    && let Some(slot) = found.get_mut(piece.canary)
                    && slot.as_ref().is_none_or(|known| known.len() > path.len())
                {
                    *slot = Some(path.to_vec());
                }
                number = piece.next;
            }
        }
    }
}

fn hash(bytes: &[u8]) -> Option<usize> {
    let [one, two, three, ..] = bytes else { return None };
    Some(
        (usize::from(*one) | usize::from(*two) << 8).wrapping_mul(31).wrapping_add(usize::from(*three) << 5)
            % TABLE,
    )
}

fn in_words(readings: &[Reading]) -> String {
    if readings.is_empty() {
        return "plain".to_owned();
    }
    readings.iter().rev().map(|reading| reading.name()).collect::<Vec<_>>().join(" in ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaks::Encoding;

    /// Every character that one of the encodings writes in another way.
    const SECRET: &str = "aZ\"9's/w+r d&<x>%\\~$q=7-_Q.!#k0";

    fn finder() -> Finder {
        Finder::new([Canary::new("SECRET", SECRET), Canary::new("OTHER", "of-another-0815")])
    }

    fn names(found: &[Found<'_>]) -> Vec<String> {
        found.iter().map(|found| found.canary.name.clone()).collect()
    }

    #[test]
    fn every_spelling_of_every_encoding_is_found() {
        for encoding in Encoding::ALL {
            let spellings = encoding.spellings(SECRET);
            assert!(!spellings.is_empty());
            for spelling in spellings {
                assert!(
                    encoding == Encoding::Plain || !spelling.contains(SECRET),
                    "{encoding:?} leaves it as it is: {spelling}"
                );
                for text in [spelling.clone(), format!("before={spelling}\n{{\"after\": 1}}")] {
                    assert_eq!(names(&finder().find(text.as_bytes())), ["SECRET"], "{encoding:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn an_encoding_inside_another_is_found() {
        for (outer, inner) in
            Encoding::ALL.iter().flat_map(|outer| Encoding::ALL.map(|inner| (*outer, inner)))
        {
            if outer == inner && !matches!(outer, Encoding::Base64 | Encoding::Base64Url) {
                continue;
            }
            for spelling in inner.spellings(SECRET) {
                for text in outer.spellings(&spelling) {
                    assert_eq!(
                        names(&finder().find(text.as_bytes())),
                        ["SECRET"],
                        "{inner:?} in {outer:?}: {text}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_line_and_each_long_part_counts() {
        let key = "-----BEGIN-----\nfirst line of it\n  }\nabc\nsecond line of it\n";
        let token: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        let finder = Finder::new([Canary::new("KEY", key), Canary::new("TOKEN", &token)]);
        let found = |text: &str| names(&finder.find(text.as_bytes()));
        assert_eq!(found("... second line of it ..."), ["KEY"]);
        assert!(found("abc and a brace\n  }\n").is_empty());
        for start in 0..token.len() - 31 {
            assert_eq!(found(&format!("cut: {}…", &token[start..start + 31])), ["TOKEN"], "{start}");
        }
        assert!(found(&token[..15]).is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_looked_through_too() {
        let mut bytes = vec![0xff, 0x00, 0xfe];
        bytes.extend_from_slice(Encoding::Base64.spellings(SECRET)[0].as_bytes());
        bytes.push(0x80);
        assert_eq!(names(&finder().find(&bytes)), ["SECRET"]);
    }

    #[test]
    fn what_is_found_is_named_and_not_shown() {
        let finder = finder();
        let text = Encoding::Hex.spellings("of-another-0815").remove(0);
        let found = finder.find(text.as_bytes());
        assert_eq!(found[0].to_string(), "OTHER (hex)");
        assert!(!format!("{found:?} {finder:?}").contains("0815"));
    }

    #[test]
    fn one_value_has_the_homes_of_all_its_names() {
        use crate::Service;
        let finder = Finder::new([
            Canary::new("ONE", "same-value").at(&[Service::Jira]),
            Canary::new("TWO", "same-value").at(&[Service::Vault]),
        ]);
        let found = finder.find(b"same-value");
        assert_eq!((found.len(), &found[0].canary.homes[..]), (1, &[Service::Jira, Service::Vault][..]));
    }
}
