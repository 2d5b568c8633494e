//! Deployments of several functions on the sandbox's Lambda, whatever goes wrong: what the report says is what callers reach.

mod scene;

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use landfall_artifacts::Class;
use landfall_lambda_deploy::{ApplyReport, OnFailure, Outcome};
use landfall_sandbox::{Fault, Service, What};
use scene::{ALIAS, Asked, Scene, Truth, run, said};

const NAMES: [&str; 4] = ["Cart", "Orders", "Payment", "Stock"];

/// Holds a report against what callers reach.
#[track_caller]
fn is_true(scene: &Scene, before: &[Truth], asked: &Asked, report: &ApplyReport, what: &str) {
    let (old, new) = (Some(scene.old()), Some(scene.new_digest()));
    let now = scene.truths();
    for ((result, before), now) in report.functions.iter().zip(before).zip(&now) {
        let name = result.desired.function.as_str();
        let shown = format!("{what}: {name}: {result:#?}\nbefore {before:?}\nnow {now:?}");
        if result.outcome == Outcome::Unknown {
            assert!(result.problem.is_some(), "{shown}");
            continue;
        }
        if result.after.is_some() {
            let said = said(result);
            let alias = if asked.alias { &said.alias } else { &now.alias };
            assert_eq!((&said.latest, alias), (&now.latest, &now.alias), "{shown}");
        }
        match result.outcome {
            Outcome::Updated => {
                assert_eq!(now.latest, new, "{shown}");
                if asked.alias && result.problem.is_none() && report.problem.is_none() && !has_failed(report)
                {
                    assert_eq!(scene.reached(name), new, "{shown}");
                }
            }
            Outcome::Unchanged => assert!(!result.changed() && now == before, "{shown}"),
            Outcome::Withdrawn => {
                assert_eq!((&now.latest, &now.alias), (&new, &before.alias), "{shown}");
            }
            Outcome::RolledBack => assert_eq!((&now.latest, &now.alias), (&old, &before.alias), "{shown}"),
            Outcome::NotAttempted => assert_eq!(now, before, "{shown}"),
            Outcome::Failed => {
                assert!(result.problem.is_some(), "{shown}");
                assert!(result.changed() || now == before, "what it says is untouched is so: {shown}");
            }
            Outcome::Unknown => {}
        }
        // Whatever happens, no traffic stays shared, unless it is not known.
        if let Some((_, weights)) = &now.alias {
            assert!(weights.values().all(|share| *share == 0.0), "{shown}");
        }
    }
    let latest = |digest: &Option<String>| now.iter().filter(|truth| truth.latest == *digest).count();
    let is_mixed = latest(&old) > 0 && latest(&new) > 0;
    assert!(!is_mixed || has_failed(report) || report.problem.is_some(), "{what}: mixed, and nobody says so");
    if !has_failed(report) && report.problem.is_none() {
        assert_eq!(latest(&new), now.len(), "{what}: all is said to be well");
    }
}

fn has_failed(report: &ApplyReport) -> bool {
    report.functions.iter().any(|function| function.problem.is_some())
}

fn outcomes(report: &ApplyReport) -> Vec<Outcome> {
    report.functions.iter().map(|function| function.outcome).collect()
}

async fn deployed(scene: &Scene, asked: &Asked, what: &str) -> ApplyReport {
    let before = scene.truths();
    let report = scene.deploy(asked).await;
    is_true(scene, &before, asked, &report, what);
    report
}

#[tokio::test]
async fn traffic_goes_over_in_steps_and_a_second_run_has_nothing_to_do() {
    let scene = Scene::new(&NAMES, |at| at > 0).await;
    let asked = Asked::with_alias(OnFailure::Stop, "10%:1s,50%,100%");
    let report = deployed(&scene, &asked, "steps").await;
    assert_eq!(outcomes(&report), [Outcome::Updated; 4]);
    assert!(NAMES.iter().all(|name| scene.reached(name) == Some(scene.new_digest())));
    let lambda = &scene.sandbox.lambda;
    assert_eq!((lambda.calls("CreateAlias"), lambda.calls("UpdateAlias")), (1, 9), "three steps for three");
    let (before, writes) = (lambda.calls("GetFunction"), lambda.calls("PublishVersion"));
    let report = deployed(&scene, &asked, "again").await;
    assert_eq!(outcomes(&report), [Outcome::Unchanged; 4]);
    assert_eq!(lambda.calls("GetFunction") - before, 8, "the function and what its alias leads to");
    assert_eq!((lambda.calls("UpdateAlias"), lambda.calls("PublishVersion")), (9, writes));
}

#[tokio::test]
async fn without_an_alias_a_run_that_has_nothing_to_do_looks_once() {
    let scene = Scene::new(&NAMES, |_| false).await;
    let asked = Asked::plainly(OnFailure::Rollback);
    deployed(&scene, &asked, "first").await;
    let before = scene.sandbox.journal().count();
    deployed(&scene, &asked, "again").await;
    assert_eq!(scene.sandbox.journal().count() - before, NAMES.len() as u64);
}

#[tokio::test]
async fn a_check_that_fails_puts_all_aliases_back() {
    for (on_failure, ends, latest) in [
        (OnFailure::Stop, Outcome::Withdrawn, false),
        (OnFailure::Continue, Outcome::Withdrawn, false),
        (OnFailure::Rollback, Outcome::RolledBack, true),
    ] {
        for fails_at in [10, 50, 100] {
            let scene = Scene::new(&NAMES, |at| at > 0).await;
            let before = scene.truths();
            let asked = Asked::with_alias(on_failure, "10%:1s,50%,100%");
            let failing = Asked { check_fails_at: Some(fails_at), ..asked.clone() };
            let what = format!("{on_failure:?} at {fails_at}%");
            let report = deployed(&scene, &failing, &what).await;
            assert!(report.problem.is_some(), "{what}");
            assert_eq!(outcomes(&report), [ends; 4], "{what}");
            let aliases =
                |truths: Vec<Truth>| truths.into_iter().map(|truth| truth.alias).collect::<Vec<_>>();
            assert_eq!(aliases(scene.truths()), aliases(before), "{what}");
            let is_old = scene.truths().iter().all(|truth| truth.latest == Some(scene.old()));
            assert_eq!(is_old, latest, "{what}");
            let report = deployed(&scene, &asked, "mended").await;
            assert!(!has_failed(&report) && report.problem.is_none());
            assert!(NAMES.iter().all(|name| scene.reached(name) == Some(scene.new_digest())), "{what}");
        }
    }
}

#[tokio::test]
async fn what_fails_decides_about_the_others_as_it_was_asked() {
    for (on_failure, others) in
        [(OnFailure::Continue, Outcome::Updated), (OnFailure::Rollback, Outcome::RolledBack)]
    {
        for alias in [false, true] {
            let scene = Scene::new(&NAMES, |_| true).await;
            scene.sandbox.lambda.fail_next("Orders", "InvalidImage", "it cannot be run");
            let asked = Asked { alias, ..Asked::plainly(on_failure) };
            let report = deployed(&scene, &asked, "one fails").await;
            let [cart, orders, payment, stock] = outcomes(&report)[..] else { panic!("four functions") };
            assert_eq!(
                (cart, orders, payment, stock),
                (others, Outcome::Failed, others, others),
                "{on_failure:?}"
            );
            assert_eq!(report.functions[1].reason_code.as_deref(), Some("InvalidImage"));
            let report = deployed(&scene, &asked, "mended").await;
            assert!(!has_failed(&report), "{report:#?}");
        }
    }
}

#[tokio::test]
async fn what_somebody_else_did_meanwhile_is_seen() {
    let scene = Scene::new(&NAMES, |_| true).await;
    let fault = Fault::new(What::Delay(Duration::from_millis(150))).on(Service::Lambda);
    scene.sandbox.faults().add(fault.matching("/functions/Cart/code"));
    let asked = Asked::plainly(OnFailure::Continue);
    let deploying = deployed(&scene, &asked, "touched");
    let touching = async {
        tokio::time::sleep(Duration::from_millis(75)).await;
        scene.sandbox.lambda.touch("Cart");
    };
    let (report, ()) = tokio::join!(deploying, touching);
    assert_eq!(outcomes(&report), [Outcome::Updated; 4], "only its revision is another: it is sent again");
    assert_eq!(report.functions[0].calls.get("UpdateFunctionCode"), Some(&2));
}

#[tokio::test]
async fn what_somebody_else_deployed_is_not_undone() {
    for on_failure in [OnFailure::Stop, OnFailure::Rollback] {
        let scene = Scene::new(&NAMES, |_| false).await;
        let fault = Fault::new(What::Delay(Duration::from_millis(150))).on(Service::Lambda);
        scene.sandbox.faults().add(fault.matching("/functions/Cart/code"));
        let asked = Asked::plainly(on_failure);
        let meddling = async {
            tokio::time::sleep(Duration::from_millis(75)).await;
            scene.meddle("Cart")
        };
        let (report, theirs) = tokio::join!(scene.deploy(&asked), meddling);
        let cart = &report.functions[0];
        assert_eq!(cart.problem.as_ref().map(|problem| problem.code.as_str()), Some("LF-LAMBDA-CHANGED"));
        assert!(!cart.changed(), "{on_failure:?}: it was not ours: {cart:#?}");
        assert_eq!(scene.truth("Cart").latest, Some(theirs), "{on_failure:?}");
        if on_failure == OnFailure::Rollback {
            assert!(
                report.functions[1..].iter().all(|one| one.outcome == Outcome::RolledBack),
                "{report:#?}"
            );
        }
    }
}

/// What is owed to the new code, its calls and its check, does not end well where it was left out.
#[tokio::test]
async fn a_stop_before_the_traffic_or_the_check_is_said() {
    for alias in [false, true] {
        let scene = Scene::new(&NAMES[..1], |_| true).await;
        scene.sandbox.lambda.settle_after("Cart", Duration::from_millis(300));
        let (asked, run) = (Asked { alias, ..Asked::plainly(OnFailure::Stop) }, run());
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            run.stop().request(landfall_run::Signal::Terminate);
        };
        let (report, ()) = tokio::join!(scene.deploy_in(&asked, &run), stopping);
        assert_eq!(scene.truth("Cart").latest, Some(scene.new_digest()));
        let problem = report.problem.clone().or(report.functions[0].problem.clone());
        assert_eq!(problem.map(|problem| problem.class), Some(Class::Interrupted), "{report:#?}");
        let report = scene.deploy(&asked).await;
        assert!(!has_failed(&report) && report.problem.is_none(), "{report:#?}");
    }
}

fn kinds() -> [(&'static str, What); 5] {
    let status = |status| What::Status { code: status, headers: HeaderMap::new(), body: bytes::Bytes::new() };
    [
        ("no answer before", What::CutBefore),
        ("a lost answer", What::LoseAnswer),
        ("a failure after the effect", What::FailAfter(StatusCode::INTERNAL_SERVER_ERROR)),
        ("a failure", status(StatusCode::BAD_GATEWAY)),
        ("throttling", status(StatusCode::TOO_MANY_REQUESTS)),
    ]
}

/// Each call of a clean run fails once, in each way.
#[tokio::test]
async fn every_call_may_fail_once() {
    let names = &NAMES[..2];
    let asked = Asked::with_alias(OnFailure::Rollback, "50%,100%");
    let scene = Scene::new(names, |at| at == 0).await;
    deployed(&scene, &asked, "clean").await;
    let calls = scene.sandbox.journal().count();
    assert!(calls >= 12, "{calls}");
    let mut survived = 0;
    for (kind, what) in kinds() {
        for nth in 1..=calls {
            let scene = Scene::new(names, |at| at == 0).await;
            let strikes = scene.sandbox.faults().add(Fault::new(what.clone()).on(Service::Lambda).nth(nth));
            let about = format!("{kind} at call {nth}");
            let report = deployed(&scene, &asked, &about).await;
            let is_well = !has_failed(&report) && report.problem.is_none();
            survived += u64::from(is_well);
            assert!(is_well || strikes.count() > 0, "{about}: {report:#?}");
            scene.sandbox.faults().clear();
            let report = deployed(&scene, &asked, &format!("{about}, and again")).await;
            assert!(!has_failed(&report) && report.problem.is_none(), "{about}: {report:#?}");
            assert!(names.iter().all(|name| scene.reached(name) == Some(scene.new_digest())), "{about}");
        }
    }
    let all = calls * kinds().len() as u64;
    println!("{survived} of {all} faults were survived, the others were told and a second run was well");
    assert!(survived * 10 >= all * 9, "{survived} of {all}: a single fault is seldom more than a delay");
}

/// Any mix of outcomes, policies and steps: the report is what callers reach, and a second run is well.
#[tokio::test]
async fn whatever_happens_the_report_is_true() {
    for seed in 0..60 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let is_aliased: Vec<bool> = NAMES.iter().map(|_| dice.bool()).collect();
        let scene = Scene::new(&NAMES, |at| is_aliased[at]).await;
        let asked = Asked {
            on_failure: [OnFailure::Stop, OnFailure::Continue, OnFailure::Rollback][dice.usize(..3)],
            alias: dice.bool(),
            traffic: ["100%", "50%,100%", "5%:1s,20%,100%"][dice.usize(..3)],
            check_fails_at: [None, None, Some(20), Some(100)][dice.usize(..4)],
        };
        let mut about = format!("seed {seed}, {asked:?}");
        for name in NAMES {
            match dice.u8(..10) {
                0 => scene.sandbox.lambda.fail_next(name, "ImageDeleted", "it is gone"),
                1 => scene.sandbox.lambda.let_idle(name),
                2 => scene.sandbox.lambda.settle_after(name, Duration::from_millis(dice.u64(1..60))),
                3 => {
                    let (kind, what) = kinds()[dice.usize(..5)].clone();
                    let fault = Fault::new(what).on(Service::Lambda).matching(&format!("/functions/{name}"));
                    let nth = dice.u64(1..6);
                    scene.sandbox.faults().add(fault.nth(nth));
                    about.push_str(&format!("; {name}: {kind} at {nth}"));
                }
                4 => {
                    let refusal = What::Status {
                        code: StatusCode::FORBIDDEN,
                        headers: HeaderMap::new(),
                        body: bytes::Bytes::from_static(b"{\"message\":\"no\"}"),
                    };
                    let fault = Fault::new(refusal).on(Service::Lambda).every();
                    scene.sandbox.faults().add(fault.matching(&format!("/functions/{name}/aliases")));
                    about.push_str(&format!("; {name}: no right to its aliases"));
                }
                _ => {}
            }
        }
        deployed(&scene, &asked, &about).await;
        scene.sandbox.faults().clear();
        // Failures that were not reached yet strike now.
        for _ in 0..NAMES.len() {
            let report = deployed(&scene, &Asked { check_fails_at: None, ..asked.clone() }, &about).await;
            if !has_failed(&report) {
                break;
            }
            let is_told = |class| class != Class::Defect && class != Class::Integrity;
            let told = report.functions.iter().filter_map(|function| function.problem.as_ref());
            assert!(told.clone().all(|problem| is_told(problem.class)), "{about}: {report:#?}");
        }
        let now = scene.truths();
        assert!(now.iter().all(|truth| truth.latest == Some(scene.new_digest())), "{about}: {now:#?}");
        if asked.alias {
            let is_there = |name: &str| scene.reached(name) == Some(scene.new_digest());
            assert!(NAMES.iter().all(|name| is_there(name)), "{about}: {ALIAS} {now:#?}");
        }
    }
}
