//! `landfall ledger verify`: whether any record was changed, removed or moved.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::Digest;
use landfall_cli::Opt;
use landfall_ledger::view::{View, Whole};
use landfall_ledger::{Head, Kept};
use landfall_stages::checkpoint::To;
use landfall_stages::{Outcome, Refusal};

use super::reading::{Reading, head_text};
use super::second::{OWNER, SHOWN, kept, place};
use crate::{Context, Effects, Shared, aws};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger verify";
    const SUMMARY: &'static str = "Prove that no record was changed, removed or moved";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        let own = vec![
            Opt::value(
                "head",
                "N:SHA256",
                "number and digest of a record that were kept elsewhere, such as on a release ticket: with it also a removal of \
                 the newest records is seen",
            ),
            Opt::list(
                "checkpoints",
                SHOWN,
                "hold the chain against what `ledger checkpoint --to` kept there; may be given several times",
            ),
            OWNER,
        ];
        [own, aws::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
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
            let given = values.list("checkpoints");
            let places: Vec<To> =
                given.iter().filter_map(|text| place(&mut values, "checkpoints", text)).collect();
            values.finish().map_err(Refusal)?;
            let mut against = kept(context, &places).await?;
            let checkpoints = against.len();
            against.extend(known.map(Kept::from));
            let reading = Reading::proved(context, &against).await?;
            let newest = reading.head.map(|head| head_text(&head)).unwrap_or_default();
            let mut people = format!("the chain is whole; its newest record is\n{newest}\n");
            if known.is_some() {
                people.push_str("the record that was kept elsewhere is in it\n");
            }
            match checkpoints {
                0 if known.is_none() => people.push_str(
                    "whether newer records were removed, only a head that was kept elsewhere tells: --head, --checkpoints\n",
                ),
                0 => {}
                1 => people.push_str("it fits the checkpoint that was kept\n"),
                more => people.push_str(&format!("it fits all {more} checkpoints that were kept\n")),
            }
            let whole = Whole { compared_with_head: known.is_some(), checkpoints: checkpoints as u64 };
            reading.answer(View::Verify(whole), &people)
        })
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
