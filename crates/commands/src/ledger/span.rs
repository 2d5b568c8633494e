//! `--from` and `--to`.

use landfall_cli::{Opt, Values};
use landfall_ledger::view::Span;

/// The beginning of what is asked for.
pub(super) const FROM: Opt = Opt::value(
    "from",
    "TIME",
    "from this day or time on, such as 2026-01-01 or 2026-01-01T12:00:00Z, in UTC",
);

/// Its end.
pub(super) const TO: Opt = Opt::value("to", "TIME", "up to this day or time, which is not among it");

/// The span, by `--from` and `--to`; one that ends before it begins is a problem.
pub(super) fn span(values: &mut Values<'_>) -> Span {
    let span = Span { from: values.parsed("from"), to: values.parsed("to") };
    if let (Some(from), Some(to)) = (span.from, span.to)
        && to <= from
    {
        let remedy = "give --to a later time than --from".to_owned();
        values.problem("LF-CONFIG", &format!("nothing lies between {from} and {to}"), Some(remedy));
    }
    span
}
