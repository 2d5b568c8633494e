//! `landfall ledger trace`: one deployment of a function, from its commit to production.

use landfall_artifacts::{EnvironmentName, ReleaseId, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Question, Trace, View, trace};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::{Reading, unknown};
use super::table::{Paint, Tone, WIDTH, wrapped};
use super::{steps, words};

/// What is asked.
pub(super) struct Asked(Question);

impl Look for Asked {
    const NAME: &'static str = "landfall ledger trace";
    const SUMMARY: &'static str =
        "Follow one deployment of a function from its commit to production, and say the gaps";

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("function", "FUNCTION", "the function, or its project"),
            Opt::value("environment", "NAME", "its newest deployment to this environment"),
            Opt::value("release", "ID", "its deployment by this release"),
            Opt::value("of", "VERSION", "its deployment at this version of its project"),
        ]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        Ok(Self(Question {
            function: values.required("function").unwrap_or_default(),
            environment: values.parsed("environment"),
            release: values.parsed("release"),
            version: values.parsed("of"),
        }))
    }

    fn answer(self, reading: &Reading, settings: &Settings) -> Outcome {
        let Self(question) = self;
        reading.knows(question.environment.as_ref(), question.release.as_ref())?;
        let environments: Vec<EnvironmentName> = settings.environments.keys().cloned().collect();
        let Some(trace) = trace(&reading.events, &question, &environments) else {
            return Err(unknown(&asked(&question), &question.function, reading.names().into_iter()));
        };
        let people = people(&trace, reading.paint);
        reading.answer(View::Trace(trace), &people)
    }
}

/// What was asked for, as the beginning of the sentence that it is not there.
fn asked(question: &Question) -> String {
    let mut asked = String::from("deployment");
    if let Some(version) = &question.version {
        asked.push_str(&format!(" at version {version}"));
    }
    if let Some(release) = &question.release {
        asked.push_str(&format!(" by release {release}"));
    }
    if let Some(environment) = &question.environment {
        asked.push_str(&format!(" to {environment}"));
    }
    asked.push_str(" of");
    asked
}

fn people(trace: &Trace<'_>, paint: Paint) -> String {
    let mut text = paint.heading(trace.function);
    let releases: Vec<&str> = trace.releases.iter().map(|release| ReleaseId::as_str(release)).collect();
    let facts = [
        ("project", trace.project.map(ToString::to_string)),
        ("version", trace.version.map(ToString::to_string)),
        ("commit", trace.commit.map(ToOwned::to_owned)),
        ("tag", trace.tag.map(ToOwned::to_owned)),
        ("content", trace.digest.map(|digest| digest.to_string())),
        ("release", (!releases.is_empty()).then(|| releases.join(", "))),
    ];
    for (name, fact) in facts {
        let fact = landfall_secret::escape(words::or_dash(fact.as_deref()), 400);
        for (at, line) in wrapped(&fact, WIDTH - 9, 4).iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            text.push_str(&format!("{name:<9}{line}\n"));
        }
    }
    text.push('\n');
    text.push_str(&steps::table(&trace.steps, true, paint));
    if !trace.gaps.is_empty() {
        text.push('\n');
        text.push_str(&paint.heading("Gaps"));
        for gap in &trace.gaps {
            for (at, line) in wrapped(&landfall_secret::escape(gap, 400), WIDTH - 5, 4).iter().enumerate() {
                let sign = if at == 0 { "-" } else { " " };
                text.push_str(&format!("  {sign} {}\n", paint.tone(Tone::Doubtful, line)));
            }
        }
    }
    text
}
