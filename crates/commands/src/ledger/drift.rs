//! `landfall ledger drift`: what the ledger says runs against what AWS says.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{AliasName, Class, EnvironmentName, LambdaName, Problem};
use landfall_cli::Opt;
use landfall_lambda_deploy::LambdaClient;
use landfall_ledger::view::{Compared, Drift, Running, Seen, Sight, Standing, View, drift, standing};
use landfall_stages::{Outcome, Refusal, ledger_drift};

use super::reading::{Reading, unknown};
use super::table::{Cell, Paint, Set, Table, Tone};
use super::words::{content, or_dash};
use crate::every_stage::{DEADLINE, ENVIRONMENT, QUIET, RATE_SHARE};
use crate::{Context, Effects, Shared, aws};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger drift";
    const SUMMARY: &'static str = "Compare what the ledger says runs in an environment with what AWS says";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::Look;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::list(
                    "function",
                    "NAME",
                    "a function that is looked at besides those that the ledger knows; may be given several times",
                ),
                Opt::value("alias", "NAME", "look at what this alias leads to, and not at the unpublished code"),
                Opt::switch("all", "show the functions that stand as they should too"),
                ENVIRONMENT,
                DEADLINE,
                RATE_SHARE,
                QUIET,
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let alias: Option<AliasName> = values.parsed("alias");
            let mut names: BTreeSet<LambdaName> = BTreeSet::new();
            for name in values.list("function") {
                match name.parse() {
                    Ok(name) => {
                        names.insert(name);
                    }
                    Err(cause) => {
                        let cause: landfall_artifacts::NameError = cause;
                        values.problem("LF-CONFIG", &format!("--function: {cause}"), None);
                    }
                }
            }
            let all = values.is_on("all");
            values.finish().map_err(Refusal)?;
            let environment = context.environment_name()?;
            let reading = Reading::of(context).await?;
            let standing = standing(&reading.events);
            let asked = names.clone();
            names.extend(recorded(&standing, environment)?);
            let client = client(context).await?;
            let names: Vec<LambdaName> = names.into_iter().collect();
            let sight = ledger_drift::look(&client, environment, &names, alias.as_ref(), context.run()).await;
            for name in &asked {
                nowhere(&reading, environment, name, &sight)?;
            }
            let drift = drift(&standing, &sight);
            let people = people(&drift, all, reading.paint);
            let problems = problems(&drift, environment);
            let mut finished = reading.answer(View::Drift(drift), &people)?;
            finished.problems = problems;
            Ok(finished)
        })
    }
}

/// Functions that the ledger says run in the environment.
///
/// # Errors
/// Where it knows of none.
fn recorded(standing: &[Running<'_>], environment: &EnvironmentName) -> Result<Vec<LambdaName>, Refusal> {
    let here = standing.iter().filter(|running| running.environment == environment);
    let names: Vec<LambdaName> = here.filter_map(|running| running.function.parse().ok()).collect();
    if names.is_empty() {
        let known = standing.iter().map(|running| running.environment.as_str());
        return Err(unknown("function in environment", environment.as_str(), known));
    }
    Ok(names)
}

/// Refuses a function that was asked for by name and is neither in the ledger nor at AWS: it is more likely misspelt than as it should be.
fn nowhere(
    reading: &Reading,
    environment: &EnvironmentName,
    name: &LambdaName,
    sight: &Sight,
) -> Result<(), Refusal> {
    let seen = sight.get(&(environment.clone(), name.to_string()));
    match seen {
        Some(Seen::Absent) => reading.knows_function(name.as_str()),
        Some(Seen::Runs(_) | Seen::Other(_) | Seen::NotSeen(_)) | None => Ok(()),
    }
}

async fn client(context: &Context) -> Result<LambdaClient, Refusal> {
    let aws = aws::config(context, &context.http()?).await?;
    Ok(LambdaClient::new(&aws, context.run().share())?)
}

/// That there is drift is a no, so that a job can watch for it; what could not be read is told apart.
fn problems(drift: &Drift<'_>, environment: &EnvironmentName) -> Vec<Problem> {
    let mut problems = Vec::new();
    if drift.drifted > 0 {
        let what = format!(
            "{} of {} functions in {environment} do not stand as the ledger says",
            drift.drifted, drift.compared
        );
        problems.push(Problem::new("LF-LEDGER-DRIFT", Class::Refused, what).with_remedy(
            "find out who changed them; deploy the release again, or record what was done on purpose by deploying it",
        ));
    }
    let unseen = drift.functions.iter().filter(|one| one.standing == Standing::NotSeen).count();
    if unseen > 0 {
        let what = format!("{unseen} of {} functions in {environment} could not be read", drift.compared);
        problems.push(Problem::new("LF-LEDGER-UNSEEN", Class::Transient, what).with_remedy(
            "the table says why of each; run again when updates are over and the role may read them",
        ));
    }
    problems
}

fn people(drift: &Drift<'_>, all: bool, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("FUNCTION", Set::Name, 12),
        ("STANDS", Set::Text, 10),
        ("VERSION", Set::Text, 7),
        ("RECORDED", Set::Text, 12),
        ("RUNS", Set::Text, 12),
        ("RELEASE", Set::Name, 8),
    ]);
    for one in drift.functions.iter().filter(|one| all || one.standing != Standing::Same) {
        let version = one.version.map(ToString::to_string);
        table.row([
            one.function.into(),
            standing_of(one),
            or_dash(version.as_deref()).into(),
            one.recorded.map_or_else(|| "-".to_owned(), |digest| content(Some(digest))).into(),
            one.running.map_or_else(|| "-".to_owned(), |digest| content(Some(digest))).into(),
            or_dash(one.release.map(AsRef::as_ref)).into(),
        ]);
        if let Some(note) = one.note {
            table.note(note);
        }
    }
    let line = format!("{} functions compared, {} of them drifted", drift.compared, drift.drifted);
    if table.is_empty() {
        return format!("{line}\n");
    }
    format!("{}\n{}\n", table.render(paint), paint.dim(&line))
}

fn standing_of(one: &Compared<'_>) -> Cell {
    Cell::new(one.standing.as_str()).toned(match one.standing {
        Standing::Same => Tone::Good,
        Standing::Differs | Standing::Absent | Standing::Unrecorded => Tone::Bad,
        Standing::NoDigest | Standing::NotSeen => Tone::Doubtful,
    })
}
