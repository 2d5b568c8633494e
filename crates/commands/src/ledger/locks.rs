//! `landfall ledger locks`: who holds which environment.

use landfall_artifacts::Settings;
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Locks, View, locks};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::Reading;
use super::table::{Cell, Paint, Set, Table, Tone};
use super::words::minute;

/// What is asked: nothing in particular.
pub(super) struct Asked;

impl Look for Asked {
    const NAME: &'static str = "landfall ledger locks";
    const SUMMARY: &'static str =
        "Environments that are held: by whom, since when, until when, with which fencing number";

    fn options() -> Vec<Opt> {
        Vec::new()
    }

    fn asked(_: &mut Values<'_>) -> Result<Self, Refusal> {
        Ok(Self)
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let locks = locks(&reading.events, reading.now.0);
        let people = people(&locks, reading.paint);
        reading.answer(View::Locks(locks), &people)
    }
}

fn people(locks: &Locks, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("ENVIRONMENT", Set::Name, 11),
        ("FENCING", Set::Number, 7),
        ("SINCE", Set::Text, 16),
        ("EXPIRES", Set::Text, 16),
        ("OWNER", Set::Text, 12),
    ]);
    for held in &locks.held {
        // The job stands below.
        let owner = match &held.link {
            Some(link) => held.owner.strip_suffix(&format!(", {link}")).unwrap_or(&held.owner),
            None => &held.owner,
        };
        table.row([
            held.environment.as_str().into(),
            held.fence.to_string().into(),
            minute(held.since).into(),
            Cell::new(minute(held.expires)).toned(if held.is_over { Tone::Bad } else { Tone::Usual }),
            owner.into(),
        ]);
        if let Some(part) = &held.part {
            table.note(format!("part {part} of the work; the others may be beside it"));
        }
        if held.is_over {
            table.note("over by time: whoever comes next may take it");
        }
        if let Some(before) = held.took_over {
            table.note(format!("took over lock {before}, which nobody had given back"));
        }
        if let Some(link) = &held.link {
            table.note(link);
        }
    }
    if table.is_empty() { "no environment is held\n".to_owned() } else { table.render(paint) }
}
