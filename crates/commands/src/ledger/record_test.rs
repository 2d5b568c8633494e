//! `landfall ledger record test`: the result of a suite that ran elsewhere.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{EffectResult, EventKind};
use landfall_cli::{Opt, Values};
use landfall_ledger::Draft;
use landfall_notify::{News, Way};
use landfall_stages::{Finished, Item, Outcome, Refusal};

use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger record test";
    const SUMMARY: &'static str =
        "Record how a suite that ran elsewhere ended; a failed one kills the release";
    const EFFECTS: Effects = Effects::Recorded;
    const TELLS: Way = Way::Decides;

    fn options() -> Vec<Opt> {
        vec![
            Opt::value("suite", "NAME", "the suite, such as selenium"),
            Opt::switch("passed", "it passed"),
            Opt::switch("failed", "it failed: the release is bad, and dies"),
            Opt::switch("infrastructure", "it could not be run: that says nothing about the release"),
            Opt::value("link", "URL", "where its result can be read"),
            Opt::value("reason", "TEXT", "what failed; required unless it passed"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let draft = draft(context, &mut values);
            values.finish().map_err(Refusal)?;
            let environment = context.environment_name()?;
            let suite = draft.target.clone().unwrap_or_default();
            let word = match draft.outcome {
                Some(EffectResult::Done) => "passed",
                Some(EffectResult::Failed) => "failed",
                Some(EffectResult::Unknown) | None => "could not be run",
            };
            let mut finished = Finished { release: draft.release.clone(), ..Finished::default() };
            let release = draft.release.as_ref().map(ToString::to_string).unwrap_or_default();
            let suite = landfall_secret::escape(&suite, 120);
            let said = format!("{suite} {word} for {release} in {environment}");
            let events = context.ledger.events().await?;
            if !events.iter().any(|event| event.release == draft.release) {
                let warning = format!("nothing else is recorded of release {release}: is that its name?");
                finished.warnings.push(warning);
            }
            if context.output().is_dry_run() {
                finished.items.push(Item::new(said.clone(), "planned"));
                finished.summary = format!("{said}: would be recorded");
                return Ok(finished);
            }
            let died = matches!(draft.outcome, Some(EffectResult::Failed)).then(|| News::Died {
                reason: format!("the test {suite} failed: {}", draft.reason.as_deref().unwrap_or_default()),
            });
            let head = context.ledger.append(draft).await?;
            finished.news = died;
            finished.items.push(Item::new(format!("ledger record {}", head.sequence), "recorded").changed());
            finished.summary = format!("{said}: record {}", head.sequence);
            Ok(finished)
        })
    }
}

/// What is to be recorded; what is missing or odd is noted as problems.
fn draft(context: &Context, values: &mut Values<'_>) -> Draft {
    let ways = ["passed", "failed", "infrastructure"];
    let given: Vec<&str> = ways.into_iter().filter(|way| values.is_on(way)).collect();
    if given.len() != 1 {
        let remedy = "give one of --passed, --failed and --infrastructure".to_owned();
        values.problem("LF-CONFIG", "how the suite ended is not said, or is said twice", Some(remedy));
    }
    let mut draft = Draft {
        release: values.required_parsed("release"),
        environment: context.target().environment.clone(),
        target: values.required("suite"),
        reason: values.text("reason"),
        ..Draft::new(EventKind::Test)
    };
    if draft.environment.is_none() {
        values.required("environment");
    }
    draft.outcome = Some(match given.first().copied() {
        Some("passed") => EffectResult::Done,
        Some("failed") => EffectResult::Failed,
        // Whether the release is good nobody knows then.
        _ => EffectResult::Unknown,
    });
    if draft.outcome != Some(EffectResult::Done) && draft.reason.is_none() {
        let remedy = "say it by --reason: whoever finds the release dead wants to know".to_owned();
        values.problem("LF-CONFIG-MISSING", "why the suite did not pass is missing", Some(remedy));
    }
    for (key, value) in [("suite", draft.target.clone()), ("link", values.text("link"))] {
        if let Some(value) = value {
            draft.details.insert(key.to_owned(), value.into());
        }
    }
    if draft.outcome == Some(EffectResult::Unknown) {
        draft.details.insert("infrastructure".to_owned(), true.into());
    }
    draft
}
