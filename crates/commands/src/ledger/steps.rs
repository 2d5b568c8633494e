//! Steps of a release as a table.

use landfall_ledger::view::Step;

use super::table::{Paint, Set, Table};
use super::words::{ending, minute, or_dash};

/// What was done, oldest first; with `links` also in which jobs.
pub(super) fn table(steps: &[Step<'_>], links: bool, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("WHEN", Set::Text, 16),
        ("STEP", Set::Text, 10),
        ("WHERE", Set::Name, 8),
        ("BY", Set::Name, 6),
        ("WHAT", Set::Text, 12),
    ]);
    for step in steps {
        table.row([
            step.mark.record.to_string().into(),
            minute(step.mark.time).into(),
            ending(step.outcome, step.step.as_str()),
            or_dash(step.environment.map(AsRef::as_ref)).into(),
            step.mark.by.name.as_str().into(),
            step.what.as_str().into(),
        ]);
        if let Some(why) = step.why.filter(|why| *why != step.what) {
            table.note(why);
        }
        if let Some(link) = step.mark.link.filter(|_| links) {
            table.note(link);
        }
    }
    table.render(paint)
}
