//! `landfall doctor`: why a job failed, or what would stand in its way, and how it is mended.

mod choose;
mod json;
mod looks;
mod markdown;
mod patient;
mod seen;
mod shown;
mod told;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{Class, EnvironmentName, Problem};
use landfall_cli::Opt;
use landfall_pipeline::doctor::{Examination, FAILURES, Failure, failure, page};
use landfall_stages::{Finished, Item, Outcome, Refusal, ToCaller};

use self::looks::How;
use self::patient::{Patient, Ready};
use self::seen::{Diagnosis, Examined};
use crate::nearest::nearest;
use crate::{Context, Effects, Shared, every_stage};

/// The command.
#[derive(Debug)]
pub(crate) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall doctor";
    const SUMMARY: &'static str = "Find out why a job failed, or what would stand in its way, and how to mend it; nothing is changed anywhere";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional(
                "job",
                "JOB",
                "a job of a pipeline, a stage, or a whole pipeline; else what the report of --from names, else every stage",
            ),
            every_stage::ENVIRONMENT,
            Opt::value(
                "pipeline",
                "NAME",
                "the pipeline that the job is of, where several have one of that name",
            ),
            Opt::value(
                "from",
                "FILE",
                "what a failed job left: the file of its --report, deploy-report.json, the folder or report of a run, or a log; - reads standard input",
            ),
            Opt::value(
                "about",
                "NAME",
                "show the page of a failure, by its name or by a code such as LF-VAULT-SEALED",
            ),
            Opt::switch("offline", "ask no service: look at files, settings and variables alone"),
            Opt::switch(
                "login",
                "also log in where a job would: that may use up a secret id that is good for one login, and makes keys that nobody uses",
            ),
            Opt::switch("markdown", "print a page to paste into a ticket, without secrets"),
            Opt::value("timeout", "DURATION", "how long one look may take").default("20s"),
            Opt::rest("options", "OPTIONS", "options as they would be given to the stage"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let environment: Option<EnvironmentName> = values.parsed("environment");
            let limit = values.duration("timeout").filter(|limit| !limit.is_zero());
            values.finish().map_err(Refusal)?;
            let values = context.values();
            if let Some(name) = values.text("about") {
                return about(&name);
            }
            let told = values.text("from").map(|path| told::read(&path)).transpose()?.unwrap_or_default();
            let asked = choose::Asked {
                job: values.text("job"),
                pipeline: values.text("pipeline"),
                environment,
                options: values.rest("options"),
            };
            let patients = choose::patients(context, &asked, &told)?;
            let how = How {
                offline: values.is_on("offline"),
                login: values.is_on("login"),
                limit: limit.unwrap_or(Duration::from_secs(20)),
            };
            let mut examined = Vec::new();
            for patient in patients {
                if context.run().stop().requested().is_some() {
                    break;
                }
                examined.push(examine(context, patient, &how).await);
            }
            // By now the secrets of the jobs that were looked at are known.
            let told = told.into_iter().map(|told| told.safe(context.run().redactor())).collect();
            let diagnosis = Diagnosis::of(told, examined);
            Ok(finish(context, &diagnosis))
        })
    }
}

/// Makes the checks of one job, in order.
async fn examine(context: &Context, patient: Patient, how: &How) -> Examined {
    let mut examination = Examination::new(landfall_pipeline::doctor::tree(patient.entry.name));
    let ready = Ready::new(context, &patient);
    while let Some(next) = examination.next() {
        let seen = looks::take(context, &patient, &ready, next, how).await;
        examination.saw(next, seen);
    }
    Examined { patient, findings: examination.findings() }
}

fn finish(context: &Context, diagnosis: &Diagnosis) -> Finished {
    let people = if context.values().is_on("markdown") {
        markdown::page(context, diagnosis)
    } else {
        shown::tree(diagnosis, shown::paint(context))
    };
    let json = format!("{:#}\n", json::of(diagnosis));
    let mut finished = Finished {
        summary: diagnosis.summary(),
        to_caller: ToCaller::Answer { people, json },
        ..Finished::default()
    };
    for examined in &diagnosis.examined {
        for finding in &examined.findings {
            let name = format!("{}/{}", examined.patient.name(), finding.check.id);
            finished.items.push(Item::new(name, seen::word(&finding.verdict)));
        }
    }
    if diagnosis.is_in_the_way() {
        let mut problem = Problem::new("LF-DOCTOR-FOUND", Class::Refused, diagnosis.summary());
        problem.remedy = diagnosis.first_remedy();
        finished.problems.push(problem);
    }
    finished
}

/// The page of a failure, or which failures show as a code.
fn about(name: &str) -> Outcome {
    let all = || FAILURES.iter().flat_map(|part| part.iter());
    let of_code: Vec<&Failure> = all().filter(|failure| failure.codes.contains(&name)).collect();
    let pages = match (failure(name), of_code.as_slice()) {
        (Some(failure), _) => vec![failure],
        (None, []) => {
            let shown = landfall_secret::escape(name, 60);
            let problem = Problem::new("LF-USAGE", Class::Input, format!("there is no page about `{shown}`"));
            let known = all().flat_map(|one| std::iter::once(one.id).chain(one.codes.iter().copied()));
            return Err(Refusal::one(problem.with_remedy(match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "docs/failures/README.md lists all of them".to_owned(),
            })));
        }
        (None, several) => several.to_vec(),
    };
    let people: Vec<String> = pages.iter().map(|failure| page(failure)).collect();
    // What is for whoever reads the file is of no use on a terminal.
    let whole: Vec<&str> = people
        .iter()
        .flat_map(|page| page.lines())
        .filter(|line| !line.starts_with("<!--") && !line.starts_with("[All failures]"))
        .collect();
    let json = serde_json::json!({
        "formatVersion": landfall_artifacts::FORMAT_VERSION,
        "failures": pages.iter().map(|failure| json::of_failure(failure)).collect::<Vec<_>>(),
    });
    let to_caller =
        ToCaller::Answer { people: format!("{}\n", whole.join("\n").trim()), json: format!("{json:#}\n") };
    Ok(Finished { to_caller, ..Finished::default() })
}
