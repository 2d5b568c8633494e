//! `landfall ledger graveyard`: releases that died.

use landfall_artifacts::Settings;
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Content, Death, Graveyard, Span, View, graveyard};
use landfall_run::counted;
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::Reading;
use super::span::{FROM, TO, span};
use super::table::{Cell, Paint, Set, Table, Tone};
use super::words::{length, minute, or_dash, record};

/// What is asked.
pub(super) struct Asked {
    span: Span,
}

impl Look for Asked {
    const NAME: &'static str = "landfall ledger graveyard";
    const SUMMARY: &'static str =
        "Releases that died: where, of what, when, by whom, and how old they became";

    fn options() -> Vec<Opt> {
        vec![FROM, TO]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        Ok(Self { span: span(values) })
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let mut graveyard = graveyard(&reading.events);
        graveyard.deaths.retain(|death| self.span.has(death.mark.time.0));
        let people = people(&graveyard, reading.paint);
        reading.answer(View::Graveyard(graveyard), &people)
    }
}

fn people(graveyard: &Graveyard<'_>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("RELEASE", Set::Name, 8),
        ("DIED IN", Set::Name, 8),
        ("OF", Set::Text, 9),
        ("WHEN", Set::Text, 16),
        ("AGE", Set::Text, 6),
        ("BY", Set::Name, 6),
    ]);
    for death in &graveyard.deaths {
        table.row([
            record(&death.mark),
            death.release.as_str().into(),
            or_dash(death.environment.map(AsRef::as_ref)).into(),
            Cell::new(death.cause.as_str()).toned(Tone::Bad),
            minute(death.mark.time).into(),
            length(death.age_seconds).into(),
            death.mark.by.name.as_str().into(),
        ]);
        for note in notes(death) {
            table.note(note);
        }
    }
    if table.is_empty() {
        return "no release died\n".to_owned();
    }
    let died = format!("{} died", counted(graveyard.deaths.len(), "release"));
    format!("{}\n{}\n", table.render(paint), paint.dim(&died))
}

fn notes(death: &Death<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let why = death.why.unwrap_or("nobody said why");
    notes.push(match death.suite {
        Some(suite) => format!("{suite}: {why}"),
        None => why.to_owned(),
    });
    if !death.contents.is_empty() {
        let named = |content: &Content<'_>| match content.version {
            Some(version) => format!("{} {version}", content.name),
            None => content.name.to_owned(),
        };
        notes.push(format!("had {}", death.contents.iter().map(named).collect::<Vec<_>>().join(", ")));
    }
    if !death.environments.is_empty() {
        let places: Vec<&str> = death.environments.iter().map(|name| name.as_str()).collect();
        notes.push(format!("had come to {}", places.join(", ")));
    }
    notes.extend(death.mark.link.map(ToOwned::to_owned));
    notes
}
