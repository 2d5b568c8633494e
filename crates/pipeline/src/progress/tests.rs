use std::collections::BTreeMap;

use landfall_artifacts::{JobWhen, MayFail, PartName, Settings};
use proptest::prelude::*;

use super::{Ended, Progress, Verdict};
use crate::Pipelines;
use crate::model::{Need, Pipeline};

/// Jobs `a`, `b`, ... that do nothing; each with the numbers of earlier ones that it needs.
fn pipeline(jobs: &[(Vec<usize>, JobWhen, MayFail)]) -> Pipeline {
    let text = "[pipelines.x.jobs.plain]\ncommands = [\"true\"]\n";
    let settings = Settings::parse(text.as_bytes(), "x", &[]).expect("valid");
    let name: PartName = "x".parse().expect("a name");
    let mut pipeline = Pipelines::new(&settings, text).pipeline(&name).expect("a pipeline");
    let plain = pipeline.jobs.pop().expect("a job");
    for (number, (needs, when, may_fail)) in jobs.iter().enumerate() {
        let mut job = plain.clone();
        job.name = called(number);
        job.when = *when;
        job.may_fail = may_fail.clone();
        job.needs = needs.iter().map(|other| Need { job: called(*other), optional: false }).collect();
        pipeline.jobs.push(job);
    }
    pipeline
}

fn called(number: usize) -> String {
    format!("j{number:02}")
}

/// How each job would end if it ran, and whether somebody asks for it.
type Fate = Vec<(Ended, bool)>;

fn jobs() -> impl Strategy<Value = (Vec<(Vec<usize>, JobWhen, MayFail)>, Fate)> {
    let when =
        prop_oneof![4 => Just(JobWhen::OnSuccess), 1 => Just(JobWhen::Always), 1 => Just(JobWhen::Manual)];
    let may_fail = prop_oneof![3 => Just(MayFail::Always(false)), 1 => Just(MayFail::Always(true)), 1 => Just(MayFail::Codes(vec![6]))];
    let fate = prop_oneof![4 => Just(Ended::Passed), 1 => Just(Ended::Failed(Some(6))), 1 => Just(Ended::Failed(Some(3))), 1 => Just(Ended::Failed(None))];
    let job =
        (proptest::collection::vec(any::<prop::sample::Index>(), 0..4), when, may_fail, fate, any::<bool>());
    proptest::collection::vec(job, 1..14).prop_map(|drawn| {
        let needs = |number: usize, picks: &[prop::sample::Index]| -> Vec<usize> {
            let mut needs: Vec<usize> =
                picks.iter().filter(|_| number > 0).map(|pick| pick.index(number)).collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        };
        let jobs = drawn
            .iter()
            .enumerate()
            .map(|(n, (picks, when, may, _, _))| (needs(n, picks), *when, may.clone()))
            .collect();
        (jobs, drawn.iter().map(|(_, _, _, how, asked)| (*how, *asked)).collect())
    })
}

/// Runs it; of the jobs that run, the one that `pick` says ends next.
fn play(
    pipeline: &Pipeline,
    fate: &Fate,
    picks: &[prop::sample::Index],
) -> (Vec<String>, BTreeMap<String, Ended>, Verdict) {
    let mut progress = Progress::new(pipeline);
    for (number, (_, asked)) in fate.iter().enumerate() {
        if *asked {
            progress.ask(&called(number));
        }
    }
    let (mut order, mut ended, mut running) = (Vec::new(), BTreeMap::new(), Vec::new());
    for turn in 0.. {
        let decision = progress.decide();
        for name in decision.start {
            assert!(!order.contains(&name.to_owned()), "{name} starts a second time");
            for need in &pipeline.job(name).expect("a job").needs {
                assert!(
                    ended.contains_key(&need.job)
                        || progress.decide().skip.iter().any(|skip| skip.job == need.job),
                    "{name} before {}",
                    need.job
                );
            }
            progress.started(name);
            order.push(name.to_owned());
            running.push(name.to_owned());
        }
        if running.is_empty() {
            return (order, ended, progress.decide().verdict.expect("nothing runs and nothing may start"));
        }
        assert_eq!(progress.decide().verdict, None, "jobs are running");
        let next = picks.get(turn % picks.len().max(1)).map_or(0, |pick| pick.index(running.len()));
        let name = running.remove(next);
        let number: usize = name[1..].parse().expect("a number");
        progress.ended(&name, fate[number].0);
        ended.insert(name, fate[number].0);
    }
    unreachable!("every turn ends a job")
}

/// The rules once more, job by job from the first, since each needs only earlier ones.
fn should_run(jobs: &[(Vec<usize>, JobWhen, MayFail)], fate: &Fate) -> (Vec<bool>, Verdict) {
    let (mut runs, mut waits): (Vec<bool>, Vec<bool>) = (Vec::new(), Vec::new());
    for (number, (needs, when, _)) in jobs.iter().enumerate() {
        let good = |n: &usize| match fate[*n].0 {
            Ended::Failed(code) => runs[*n] && jobs[*n].2.allows(code),
            _ => runs[*n],
        };
        let held = needs.iter().any(|n| waits[*n]);
        let fine = needs.iter().all(good);
        // What waits, or comes after what waits and after nothing bad, may still run.
        let bad = needs.iter().any(|n| !good(n) && !waits[*n]);
        let (run, wait) = match when {
            JobWhen::Always => (!held, held),
            JobWhen::OnSuccess => (fine, held && !bad),
            JobWhen::Manual => (fine && fate[number].1, !bad && (held || fine && !fate[number].1)),
        };
        runs.push(run);
        waits.push(wait);
    }
    let failed = |n: usize, allowed: bool| {
        runs[n] && matches!(fate[n].0, Ended::Failed(code) if jobs[n].2.allows(code) == allowed)
    };
    let all = || 0..jobs.len();
    let verdict = if all().any(|n| failed(n, false)) {
        Verdict::Failed
    } else if waits.contains(&true) {
        Verdict::Waiting
    } else if all().any(|n| failed(n, true)) {
        Verdict::Warned
    } else {
        Verdict::Passed
    };
    (runs, verdict)
}

proptest! {
    #[test]
    fn no_job_runs_before_its_needs_and_the_verdict_follows_the_rules(
        (jobs, fate) in jobs(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..14),
    ) {
        let pipeline = pipeline(&jobs);
        let (order, ended, verdict) = play(&pipeline, &fate, &picks);
        let (runs, expected) = should_run(&jobs, &fate);
        let ran: Vec<bool> = (0..jobs.len()).map(|number| order.contains(&called(number))).collect();
        prop_assert_eq!(ran, runs);
        prop_assert_eq!(verdict, expected);
        prop_assert_eq!(verdict.exit_code(ended.values()) == 0, verdict != Verdict::Failed);
    }

    #[test]
    fn a_resumed_run_does_only_what_is_left((jobs, fate) in jobs()) {
        let pipeline = pipeline(&jobs);
        let (_, ended, _) = play(&pipeline, &fate, &[]);
        let again = Progress::new(&pipeline).resumed(&ended);
        for name in again.decide().start {
            prop_assert!(!matches!(ended.get(name), Some(Ended::Passed)), "{} ran well before", name);
        }
    }
}

#[test]
fn a_part_of_a_pipeline_can_be_run() {
    let plain = |needs: &[usize]| (needs.to_vec(), JobWhen::OnSuccess, MayFail::default());
    let pipeline = pipeline(&[plain(&[]), plain(&[0]), plain(&[1]), plain(&[0])]);
    assert_eq!(Progress::new(&pipeline).from("j01").decide().start, ["j01"]);
    let mut from = Progress::new(&pipeline).from("j01");
    from.ended("j01", Ended::Passed);
    assert_eq!(from.decide().start, ["j02"]);
    from.ended("j02", Ended::Passed);
    assert_eq!(from.decide().verdict, Some(Verdict::Passed), "j03 is not part of it");
    assert_eq!(Progress::new(&pipeline).only(&["j02"]).decide().start, ["j02"]);
}

#[test]
fn a_stop_starts_nothing_more() {
    let plain = |needs: &[usize]| (needs.to_vec(), JobWhen::OnSuccess, MayFail::default());
    let pipeline = pipeline(&[plain(&[]), plain(&[0])]);
    let mut progress = Progress::new(&pipeline);
    progress.started("j00");
    progress.stop();
    assert_eq!((progress.decide().start.len(), progress.decide().verdict), (0, None));
    progress.ended("j00", Ended::Stopped);
    assert_eq!(progress.decide().verdict, Some(Verdict::Interrupted));
    assert_eq!(Verdict::Interrupted.exit_code([]), 130);
}

#[test]
fn a_failed_run_ends_with_the_gravest_code() {
    let code = |codes: &[Ended]| Verdict::Failed.exit_code(codes);
    assert_eq!(code(&[Ended::Passed, Ended::Failed(Some(7)), Ended::Failed(Some(8))]), 7);
    assert_eq!(code(&[Ended::Failed(Some(8)), Ended::Passed]), 8);
    assert_eq!(code(&[Ended::Failed(Some(3)), Ended::Passed]), 6);
    assert_eq!(code(&[Ended::Failed(Some(5)), Ended::Failed(Some(3))]), 3);
    assert_eq!(code(&[Ended::Failed(Some(127))]), 3);
    assert_eq!(code(&[Ended::Failed(None), Ended::Presumed]), 3);
}
