//! How a run ended, for people and for the exit code.

use landfall_artifacts::{Class, EnvironmentName, Problem, RunJob, RunJobState, RunReport, RunState};
use landfall_cli::duration_words;
use landfall_pipeline::quoted;
use landfall_run::counted;
use landfall_runner::Runs;
use landfall_stages::Item;

use super::super::rollback::ROLLBACK;
use super::lines::ended;
use crate::ledger::table::{Cell, Paint, Set, Table};

/// A table of the jobs, the verdict, where the logs are, and how to go on.
pub(super) fn people(report: &RunReport, runs: &Runs, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("JOB", Set::Name, 16),
        ("STAGE", Set::Text, 8),
        ("HOW", Set::Text, 8),
        ("TOOK", Set::Number, 4),
    ]);
    for job in &report.jobs {
        let (tone, word) = ended(job.state, job.exit_code, job.may_fail);
        let took = if job.tries == 0 { "-".to_owned() } else { duration_words(job.duration_ms / 1000) };
        table.row([Cell::new(&job.name), Cell::new(&job.ci_stage), Cell::new(word).toned(tone), took.into()]);
        if let (RunJobState::Skipped, Some(because)) = (job.state, &job.because) {
            table.note(format!("because of {because}"));
        }
        if job.tries > 1 {
            table.note(format!("{} tries", job.tries));
        }
        for problem in &job.problems {
            table.note(format!("{} {}", problem.code, problem.told()));
            if let Some(remedy) = &problem.remedy {
                table.note(format!("try: {remedy}"));
            }
        }
        if job.state == RunJobState::Failed {
            for part in &job.parts {
                table.note(format!("log: {}", part.log));
            }
        }
    }
    let folder = runs.path(&report.id);
    let mut text = format!("{}\n{}\n", table.render(paint), verdict(report));
    text.push_str(&format!("Logs and files: {}\n", folder.display()));
    if report.state != RunState::Passed && report.state != RunState::Warned {
        text.push_str(&format!("Go on: {}\n", how_to_go_on(report)));
    }
    text
}

fn verdict(report: &RunReport) -> String {
    let count = |is: fn(&RunJob) -> bool| report.jobs.iter().filter(|job| is(job)).count();
    let passed = count(|job| job.state == RunJobState::Passed);
    let took = duration_words(report.duration_ms / 1000);
    let what = match report.state {
        RunState::Running => "runs",
        RunState::Passed => "passed",
        RunState::Warned => "passed, with failures that are allowed",
        RunState::Waiting => "passed as far as it went, and waits for manual jobs",
        RunState::Failed => "failed",
        RunState::Interrupted => "was stopped",
    };
    format!("{} {what}: {passed} of {} in {took}", report.pipeline, counted(report.jobs.len(), "job"))
}

fn how_to_go_on(report: &RunReport) -> String {
    if report.pipeline.as_str() == ROLLBACK {
        let to =
            report.inputs.get("TARGET_RELEASE").map(|release| format!(" --to {}", quoted(release.as_str())));
        let again =
            |name: &EnvironmentName| format!("landfall rollback {name}{}", to.as_deref().unwrap_or_default());
        return report.environments.iter().map(again).collect::<Vec<_>>().join(" && ");
    }
    let manual = report.jobs.iter().filter(|job| job.state == RunJobState::Waiting);
    let named: Vec<String> = manual.map(|job| format!(" --manual {}", job.name)).collect();
    format!("landfall run {} --resume {}{}", report.pipeline, report.id, named.concat())
}

/// The jobs that changed something, or may have: those that went well, and those whose exit code says so.
pub(super) fn changes(report: &RunReport) -> Vec<Item> {
    let changed = |job: &&RunJob| match job.state {
        RunJobState::Passed => true,
        RunJobState::Failed => matches!(job.exit_code, Some(6..=8)),
        _ => false,
    };
    let word = |job: &RunJob| if job.state == RunJobState::Passed { "passed" } else { "failed" };
    report.jobs.iter().filter(changed).map(|job| Item::new(&job.name, word(job)).changed()).collect()
}

/// What the exit code goes by; nothing where nothing failed.
pub(super) fn problem(report: &RunReport) -> Option<Problem> {
    let class = match report.exit_code.unwrap_or(0) {
        0 => return None,
        2 => Class::Input,
        4 => Class::Locked,
        5 => Class::Transient,
        6 => Class::Partial,
        7 => Class::Integrity,
        8 => Class::Unknown,
        130 | 143 => Class::Interrupted,
        _ => Class::Refused,
    };
    let failed = report.jobs.iter().filter(|job| job.state == RunJobState::Failed && !job.may_fail);
    let failed: Vec<&str> = failed.map(|job| job.name.as_str()).collect();
    let (code, what) = if class == Class::Interrupted {
        ("LF-STOPPED", format!("the run {} of {} was stopped", report.id, report.pipeline))
    } else {
        let names = failed.iter().take(10).copied().collect::<Vec<_>>().join(", ");
        ("LF-RUN-FAILED", format!("the run {} of {} failed: {names}", report.id, report.pipeline))
    };
    Some(Problem::new(code, class, what).with_remedy(how_to_go_on(report)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_artifacts::{Class, RunReport, RunState};
    use landfall_runner::Runs;

    use super::{people, problem};
    use crate::ledger::table::Paint;

    #[test]
    fn a_person_sees_what_failed_why_and_how_to_go_on() {
        let text = include_str!("../../../../artifacts/samples/v1/run-report.json");
        let mut report = RunReport::parse(text.as_bytes(), "sample").expect("valid");
        let runs = Runs::of(Path::new("/repo"));
        insta::assert_snapshot!(people(&report, &runs, Paint::Plain), @r"
        JOB                             STAGE           HOW            TOOK
        build                           build           passed         41 s
        deploy-lambda-staging-eu        deploy-staging  failed with 3   1 s
            LF-LAMBDA-NOT-FOUND there is no function OrderServiceFunction in eu-west-2
            try: create it, or correct the name in functions/orderService/.deployment
            log: jobs/deploy-lambda-staging-eu/1/log.txt
            log: jobs/deploy-lambda-staging-eu/2/log.txt
        create-jira-tickets-staging-eu  post-deploy     skipped           -
            because of deploy-lambda-staging-eu

        staging failed: 1 of 3 jobs in 1 min 01 s
        Logs and files: /repo/.landfall/runs/20261122-055148-3f2a
        Go on: landfall run staging --resume 20261122-055148-3f2a
        ");
        let problem_of = |report: &RunReport| problem(report).map(|problem| (problem.class, problem.what));
        assert_eq!(problem_of(&report).map(|(class, _)| class), Some(Class::Partial));
        report.exit_code = Some(130);
        report.state = RunState::Interrupted;
        assert_eq!(problem_of(&report).map(|(class, _)| class), Some(Class::Interrupted));
        report.exit_code = Some(0);
        assert_eq!(problem_of(&report), None);
    }
}
