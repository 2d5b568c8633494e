//! `landfall ledger show`: what runs where; one release, environment or function.

use landfall_artifacts::{Class, EffectResult, Problem, ReleaseId, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{
    Arrival, Environment, Function, Overview, Release, Running, View, environment, function, overview,
    release, standing,
};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::{Reading, unknown};
use super::steps;
use super::table::{Cell, Paint, Set, Table, Tone};
use super::words::{content, ending, minute, or_dash, record};

/// Arrivals of an environment and changes of a function that people are shown.
const MOST_ROWS: usize = 20;

/// What is asked: release, environment or function, and its name; nothing for all environments.
pub(super) struct Asked(Option<(String, String)>);

impl Look for Asked {
    const NAME: &'static str = "landfall ledger show";
    const SUMMARY: &'static str = "What runs where; or one release, environment or function";

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("what", "WHAT", "release, environment or function; without it all environments"),
            Opt::positional("name", "NAME", "its name; of a function also its project"),
        ]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        match (values.text("what"), values.text("name")) {
            (None, _) => Ok(Self(None)),
            (Some(what), name) if ["release", "environment", "function"].contains(&what.as_str()) => {
                let missing = || wrong(&format!("which {what} is to be shown is missing"));
                let name = name.ok_or_else(missing)?;
                Ok(Self(Some((what, name))))
            }
            (Some(other), _) => {
                let shown = landfall_secret::escape(&other, 60);
                Err(wrong(&format!("`{shown}` is neither release, environment nor function")))
            }
        }
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let asked = self.0.as_ref().map(|(what, name)| (what.as_str(), name.as_str()));
        show(reading, asked)
    }
}

fn wrong(what: &str) -> Refusal {
    let remedy =
        "`landfall ledger show release r-6b1f0c2d9e77`, `... environment prod_eu00` or `... function NAME`";
    Refusal::one(Problem::new("LF-USAGE", Class::Input, what).with_remedy(remedy))
}

fn show(reading: &Reading, asked: Option<(&str, &str)>) -> Outcome {
    let (events, paint) = (&reading.events, reading.paint);
    let standing = standing(events);
    match asked {
        None => {
            let overview = overview(events, &standing);
            let people = of_all(&overview, paint);
            reading.answer(View::Overview(overview), &people)
        }
        Some(("release", name)) => {
            let known = || events.iter().filter_map(|event| event.release.as_ref()).map(ReleaseId::as_str);
            let found = name.parse().ok().and_then(|wanted| release(events, &standing, &wanted));
            let found = found.ok_or_else(|| unknown("release", name, known()))?;
            let people = of_release(&found, paint);
            reading.answer(View::Release(found), &people)
        }
        Some(("environment", name)) => {
            let known = || standing.iter().map(|running| running.environment.as_str());
            let found = name.parse().ok().and_then(|wanted| environment(events, &standing, &wanted));
            let found = found.ok_or_else(|| unknown("environment", name, known()))?;
            let people = of_environment(&found, paint);
            reading.answer(View::Environment(found), &people)
        }
        Some((_, name)) => {
            let found = function(events, &standing, name);
            let found = found.ok_or_else(|| unknown("function", name, reading.names().into_iter()))?;
            let people = of_function(&found, name, paint);
            reading.answer(View::Function(found), &people)
        }
    }
}

fn of_all(overview: &Overview<'_>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("ENVIRONMENT", Set::Name, 11),
        ("FUNCTIONS", Set::Number, 9),
        ("LATEST", Set::Name, 8),
        ("WHEN", Set::Text, 16),
        ("BY", Set::Name, 6),
        ("TESTED", Set::Text, 6),
        ("RECORD", Set::Number, 6),
    ]);
    for line in &overview.environments {
        let latest = &line.latest;
        table.row([
            line.environment.as_str().into(),
            line.functions.to_string().into(),
            came(latest),
            minute(latest.mark.time).into(),
            latest.mark.by.name.as_str().into(),
            tested(latest),
            record(&latest.mark),
        ]);
    }
    if table.is_empty() { "nothing was deployed yet\n".to_owned() } else { table.render(paint) }
}

/// The release that came, and how where that is unusual.
fn came(arrival: &Arrival<'_>) -> Cell {
    let release = or_dash(arrival.release.map(AsRef::as_ref));
    let word = if arrival.is_rollback { format!("{release} (back)") } else { release.to_owned() };
    match arrival.outcome {
        EffectResult::Done if arrival.is_rollback => Cell::new(word).toned(Tone::Doubtful),
        outcome => ending(outcome, &word),
    }
}

fn tested(arrival: &Arrival<'_>) -> Cell {
    match arrival.tested.as_ref().map(|test| test.outcome) {
        Some(EffectResult::Done) => Cell::new("passed").toned(Tone::Good),
        Some(EffectResult::Failed) => Cell::new("failed").toned(Tone::Bad),
        Some(EffectResult::Unknown) => Cell::new("unknown").toned(Tone::Doubtful),
        None => Cell::new("-"),
    }
}

fn running_table(running: &[Running<'_>], by_environment: bool, paint: Paint) -> String {
    let first = if by_environment { ("ENVIRONMENT", Set::Name, 11) } else { ("FUNCTION", Set::Name, 12) };
    let mut table = Table::new(&[
        first,
        ("VERSION", Set::Text, 7),
        ("CONTENT", Set::Text, 12),
        ("RELEASE", Set::Name, 8),
        ("SINCE", Set::Text, 16),
        ("BY", Set::Name, 6),
        ("RECORD", Set::Number, 6),
    ]);
    for one in running {
        let version = one.version.map(ToString::to_string);
        let name = if by_environment { one.environment.as_str() } else { one.function };
        let version = Cell::new(or_dash(version.as_deref()));
        table.row([
            name.into(),
            version,
            content(one.digest).into(),
            or_dash(one.release.map(AsRef::as_ref)).into(),
            minute(one.since.time).into(),
            one.since.by.name.as_str().into(),
            record(&one.since),
        ]);
        if one.rolled_back {
            table.note("by a rollback");
        }
    }
    if table.is_empty() { "nothing runs\n".to_owned() } else { table.render(paint) }
}

fn of_environment(environment: &Environment<'_>, paint: Paint) -> String {
    let mut text = paint.heading(&format!("{}: what runs", environment.environment));
    text.push_str(&running_table(&environment.running, false, paint));
    text.push('\n');
    text.push_str(&paint.heading("What came, newest first"));
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("WHEN", Set::Text, 16),
        ("RELEASE", Set::Name, 8),
        ("FUNCTIONS", Set::Number, 9),
        ("BY", Set::Name, 6),
        ("TESTED", Set::Text, 6),
    ]);
    for arrival in environment.arrivals.iter().take(MOST_ROWS) {
        table.row([
            record(&arrival.mark),
            minute(arrival.mark.time).into(),
            came(arrival),
            arrival.functions.to_string().into(),
            arrival.mark.by.name.as_str().into(),
            tested(arrival),
        ]);
        if let Some(why) = arrival.why {
            table.note(why);
        }
    }
    text.push_str(&table.render(paint));
    text.push_str(&more(environment.arrivals.len(), paint));
    text
}

fn of_function(function: &Function<'_>, name: &str, paint: Paint) -> String {
    let mut text = paint.heading(&format!("{name}: what it runs"));
    text.push_str(&running_table(&function.running, true, paint));
    text.push('\n');
    text.push_str(&paint.heading("What came to it, newest first"));
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("WHEN", Set::Text, 16),
        ("WHERE", Set::Name, 8),
        ("VERSION", Set::Text, 7),
        ("CONTENT", Set::Text, 12),
        ("RELEASE", Set::Name, 8),
        ("BY", Set::Name, 6),
    ]);
    for change in function.changes.iter().take(MOST_ROWS) {
        let version = change.version.map(ToString::to_string);
        let version = or_dash(version.as_deref());
        let version = if change.is_rollback { format!("{version} (back)") } else { version.to_owned() };
        table.row([
            record(&change.mark),
            minute(change.mark.time).into(),
            change.environment.as_str().into(),
            ending(change.outcome, &version),
            content(change.digest).into(),
            or_dash(change.release.map(AsRef::as_ref)).into(),
            change.mark.by.name.as_str().into(),
        ]);
    }
    text.push_str(&table.render(paint));
    text.push_str(&more(function.changes.len(), paint));
    text
}

fn more(all: usize, paint: Paint) -> String {
    if all <= MOST_ROWS {
        return String::new();
    }
    format!("{}\n", paint.dim(&format!("\nthe newest {MOST_ROWS} of {all}; --output json has all of them")))
}

fn of_release(release: &Release<'_>, paint: Paint) -> String {
    let mut text = paint.heading(release.release.as_str());
    let commit = landfall_secret::escape(or_dash(release.commit), 64);
    text.push_str(&format!(
        "commit {commit}; recorded from {} to {}\n",
        minute(release.began.time),
        minute(release.latest.time)
    ));
    if let Some(died) = &release.died {
        let line = format!(
            "it died of a {}, {} by {}, record {}",
            died.cause.as_str(),
            minute(died.mark.time),
            landfall_secret::escape(&died.mark.by.name, 30),
            died.mark.record
        );
        text.push_str(&format!(
            "{}\n",
            paint.tone(Tone::Bad, &landfall_cli::cut(&line, super::table::WIDTH))
        ));
    }
    let mut contents = Table::new(&[
        ("CONTENT", Set::Name, 10),
        ("VERSION", Set::Text, 7),
        ("FUNCTION", Set::Name, 10),
        ("DIGEST", Set::Text, 12),
    ]);
    for one in &release.contents {
        let version = one.version.map(ToString::to_string);
        contents.row([
            one.name.into(),
            or_dash(version.as_deref()).into(),
            or_dash(one.lambda.map(AsRef::as_ref)).into(),
            content(one.digest).into(),
        ]);
    }
    let mut places = Table::new(&[
        ("ENVIRONMENT", Set::Name, 11),
        ("CAME", Set::Text, 16),
        ("BY", Set::Name, 6),
        ("FUNCTIONS", Set::Number, 9),
        ("RUN NOW", Set::Number, 7),
        ("GONE", Set::Text, 16),
    ]);
    for place in &release.environments {
        places.row([
            place.environment.as_str().into(),
            minute(place.came.time).into(),
            place.came.by.name.as_str().into(),
            place.functions.to_string().into(),
            place.running.to_string().into(),
            place.gone.map_or_else(|| "-".to_owned(), |gone| minute(gone.time)).into(),
        ]);
    }
    for table in [contents, places].into_iter().filter(|table| !table.is_empty()) {
        text.push('\n');
        text.push_str(&table.render(paint));
    }
    text.push('\n');
    text.push_str(&steps::table(&release.steps, false, paint));
    text
}
