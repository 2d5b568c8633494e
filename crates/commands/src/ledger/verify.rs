//! `landfall ledger verify`: whether any record was changed, removed or moved.

use landfall_artifacts::{Digest, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::Head;
use landfall_ledger::view::{View, Whole};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::{Reading, head_text};

/// What is asked.
pub(super) struct Asked {
    known: Option<Head>,
}

impl Look for Asked {
    const NAME: &'static str = "landfall ledger verify";
    const SUMMARY: &'static str = "Prove that no record was changed, removed or moved";

    fn options() -> Vec<Opt> {
        vec![Opt::value(
            "head",
            "N:SHA256",
            "number and digest of a record that were kept elsewhere, such as on a release ticket: with it also a removal of \
             the newest records is seen",
        )]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        let known = values.text("head").and_then(|text| {
            let head = head(&text);
            if head.is_none() {
                let what = format!("--head `{}` is no head", landfall_secret::escape(&text, 120));
                let remedy =
                    "give the number of a record, a colon, and its SHA-256, such as 16:sha256:0a1b...";
                values.problem("LF-CONFIG", &what, Some(remedy.to_owned()));
            }
            head
        });
        Ok(Self { known })
    }

    fn head(&self) -> Option<Head> {
        self.known
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let newest = reading.head.map(|head| head_text(&head)).unwrap_or_default();
        let mut people = format!("the chain is whole; its newest record is\n{newest}\n");
        people.push_str(match self.known {
            Some(_) => "the record that was kept elsewhere is in it\n",
            None => "whether newer records were removed, only a head that was kept elsewhere tells: --head\n",
        });
        reading.answer(View::Verify(Whole { compared_with_head: self.known.is_some() }), &people)
    }
}

/// A head as people keep it: `16:sha256:` and 64 hex digits; the name of the algorithm may be left out.
fn head(text: &str) -> Option<Head> {
    let (number, digest) = text.trim().split_once(':')?;
    let sequence = number.parse().ok().filter(|number| *number > 0)?;
    let digest: Digest = match digest.parse() {
        Ok(digest) => digest,
        Err(_) => format!("sha256:{digest}").parse().ok()?,
    };
    Some(Head { sequence, digest })
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{head, head_text};

    #[test]
    fn a_head_is_read_as_it_is_shown() {
        let digest = Digest::of(b"record");
        let read = head(&format!("16:{digest}")).expect("a head");
        assert_eq!((read.sequence, read.digest), (16, digest));
        assert_eq!(head(&head_text(&read)), Some(read));
        assert_eq!(head(&format!(" 16:{}\n", digest.hex())), Some(read));
        for odd in ["", "16", "0:sha256:00", "x:", "16:sha256:00", ":", "-1:00"] {
            assert_eq!(head(odd), None, "{odd}");
        }
    }
}
