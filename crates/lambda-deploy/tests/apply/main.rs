//! Plans carried out against a small Lambda on loopback.

mod double;

use std::time::Duration;

use double::{Fault, Lambda, image};
use landfall_artifacts::{Class, DeployOutcome, Platform};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_lambda_deploy::{
    Action, ApplyOptions, Code, Desired, FunctionResult, LambdaClient, Live, OnFailure, Outcome, Plan, apply,
    observe, plan,
};
use landfall_run::{EffectOutcome, MemoryJournal, RetryPolicy, Run, Signal};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};

struct Stage {
    lambda: Lambda,
    client: LambdaClient,
    run: Run,
    journal: std::sync::Arc<MemoryJournal>,
    options: ApplyOptions,
}

async fn stage(names: &[&str]) -> Stage {
    let lambda = Lambda::with(names);
    let endpoints = Endpoints { lambda: Some(lambda.serve().await), ..Endpoints::default() };
    let http = Http::new(HttpConfig {
        connect_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_millis(500),
        ..HttpConfig::default()
    })
    .expect("a client");
    let keys = AwsKeys::new("ASIAEXAMPLE", Secret::new("secret"), Some(Secret::new("token")));
    let config = AwsConfig::new("eu-west-2", keys, endpoints, http).expect("a configuration");
    let journal = std::sync::Arc::new(MemoryJournal::default());
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    let run = Run::builder().retry_policy(quick).journal(journal.clone()).build();
    let client = LambdaClient::new(&config, run.share()).expect("a client");
    let options =
        ApplyOptions { poll_scale: 0.01, settle_timeout: Duration::from_secs(20), ..ApplyOptions::default() };
    Stage { lambda, client, run, journal, options }
}

fn wanted(name: &str) -> Desired {
    Desired {
        function: name.parse().expect("a name"),
        project: "orders".parse().ok(),
        version: Some("1.4.2".to_owned()),
        code: Code::Image { image: image("new"), platform: Platform::LinuxAmd64 },
        environment: Some("stg_eu00".parse().expect("an environment")),
        shard: None,
    }
}

impl Stage {
    async fn plan(&self, names: &[&str]) -> Plan {
        let desired: Vec<_> = names.iter().map(|name| wanted(name)).collect();
        let functions: Vec<_> = desired.iter().map(|one| one.function.clone()).collect();
        plan(
            &desired,
            &observe(&self.client, &functions, None, 4, &self.run).await,
            Live::default(),
            self.client.place(),
        )
    }

    async fn deploy(&self, names: &[&str]) -> Vec<FunctionResult> {
        apply(&self.plan(names).await, &self.client, &self.run, &self.options, None).await.functions
    }

    async fn deploy_one(&self) -> FunctionResult {
        self.deploy(&["Orders"]).await.remove(0)
    }

    fn effects(&self) -> Vec<Option<EffectOutcome>> {
        self.journal.records().into_iter().map(|(_, outcome)| outcome).collect()
    }
}

#[track_caller]
fn ended(result: &FunctionResult, outcome: Outcome, code: Option<&str>) {
    assert_eq!(result.outcome, outcome, "{result:?}");
    assert_eq!(result.problem.as_ref().map(|problem| problem.code.as_str()), code, "{result:?}");
}

#[tokio::test]
async fn functions_are_updated_by_digest_and_read_back() {
    let stage = stage(&["A", "B", "C"]).await;
    stage.lambda.change("B", |function| function.live = image("new"));
    let results = stage.deploy(&["A", "B", "C"]).await;
    let outcomes: Vec<_> = results.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Outcome::Updated, Outcome::Unchanged, Outcome::Updated]);
    assert_eq!(stage.effects(), [Some(EffectOutcome::Done), Some(EffectOutcome::Done)]);
    stage.lambda.change("A", |function| {
        assert_eq!(function.updates.len(), 1);
        assert_eq!(function.updates[0]["ImageUri"], image("new").to_string());
        assert_eq!(function.updates[0]["RevisionId"], "r1");
    });
    let reported = results[0].deployed();
    assert_eq!(reported.outcome, DeployOutcome::Updated);
    assert_eq!(reported.before.and_then(|before| before.image), Some(image("old")));
    assert_eq!(reported.after.and_then(|after| after.image), Some(image("new")));
    assert_eq!(reported.calls.get("UpdateFunctionCode"), Some(&1));
    // Again: nothing is left to do, and nothing is sent.
    assert!(stage.plan(&["A", "B", "C"]).await.is_done());
    assert!(stage.deploy(&["A", "B", "C"]).await.iter().all(|result| result.outcome == Outcome::Unchanged));
    assert_eq!(stage.run.counters().requests().get("lambda.UpdateFunctionCode"), Some(&2));
}

#[tokio::test]
async fn a_lost_answer_is_read_back_and_not_sent_again() {
    for fault in [Fault::MadeThenFails, Fault::MadeThenSilent] {
        let stage = stage(&["Orders"]).await;
        stage.lambda.change("Orders", |function| function.faults.push_back(fault));
        let result = stage.deploy_one().await;
        ended(&result, Outcome::Updated, None);
        assert_eq!(stage.lambda.sent("Orders"), 1, "{fault:?}");
        assert_eq!(stage.effects(), [Some(EffectOutcome::Done)]);
    }
}

#[tokio::test]
async fn what_was_surely_not_taken_is_sent_again_a_few_times() {
    let stage = stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.faults.push_back(Fault::FailsUnmade));
    ended(&stage.deploy_one().await, Outcome::Updated, None);
    assert_eq!(stage.lambda.sent("Orders"), 2);

    let stage = self::stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.faults.extend([Fault::FailsUnmade; 9]));
    let result = stage.deploy_one().await;
    ended(&result, Outcome::Failed, Some("LF-LAMBDA-NOT-TAKEN"));
    assert_eq!(result.problem.map(|problem| problem.class), Some(Class::Transient));
    assert_eq!(stage.lambda.sent("Orders"), 3);
}

#[tokio::test]
async fn an_update_under_way_is_awaited_first() {
    // Ours, of a run that was killed after sending.
    let stage = stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.pending = Some((image("new"), 3)));
    assert_eq!(stage.plan(&["Orders"]).await.steps[0].action, Action::Await);
    ended(&stage.deploy_one().await, Outcome::Unchanged, None);
    assert_eq!(stage.lambda.sent("Orders"), 0);
    // Somebody's.
    stage.lambda.change("Orders", |function| function.pending = Some((image("other"), 3)));
    ended(&stage.deploy_one().await, Outcome::Updated, None);
    assert_eq!(stage.lambda.runs("Orders"), image("new"));
}

#[tokio::test]
async fn whoever_gets_in_between_is_noticed() {
    let cases = [
        (Fault::Touched, Outcome::Updated, None, 2),
        (Fault::Overtaken("old"), Outcome::Updated, None, 2),
        (Fault::Overtaken("new"), Outcome::Updated, None, 1),
        (Fault::Overtaken("other"), Outcome::Failed, Some("LF-LAMBDA-CHANGED"), 1),
        (Fault::Swapped, Outcome::Unknown, Some("LF-LAMBDA-DIGEST"), 1),
    ];
    for (fault, outcome, code, sent) in cases {
        let stage = stage(&["Orders"]).await;
        stage.lambda.change("Orders", |function| function.faults.push_back(fault));
        let result = stage.deploy_one().await;
        ended(&result, outcome, code);
        assert_eq!(stage.lambda.sent("Orders"), sent, "{fault:?}");
        if fault == Fault::Swapped {
            assert_eq!(result.problem.map(|problem| problem.class), Some(Class::Integrity));
        }
    }
}

#[tokio::test]
async fn a_failed_update_says_lambdas_reason_and_what_to_do() {
    let stage = stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.fails_with = Some(("ImageAccessDenied", "no\nway")));
    let result = stage.deploy_one().await;
    ended(&result, Outcome::Failed, Some("LF-LAMBDA-FAILED"));
    assert_eq!(result.deployed().reason.map(|code| code.to_string()), Some("ImageAccessDenied".to_owned()));
    let problem = result.problem.expect("a problem");
    assert!(problem.remedy.is_some_and(|text| text.contains("ecr:BatchGetImage")));
    assert!(!problem.what.contains('\n'), "{}", problem.what);
    assert!(matches!(stage.effects().as_slice(), [Some(EffectOutcome::Failed(_))]));

    for (said, remedy) in [
        ("Source image x does not exist. Provide a valid source image.", "retag-push-ecr"),
        (
            "The image manifest, config or layer media type for the source image x is not supported.",
            "one platform",
        ),
    ] {
        let stage = self::stage(&["Orders"]).await;
        stage.lambda.change("Orders", |function| function.faults.push_back(Fault::Refused(said)));
        let result = stage.deploy_one().await;
        ended(&result, Outcome::Failed, Some("LF-LAMBDA-IMAGE"));
        let problem = result.problem.expect("a problem");
        assert!(problem.remedy.is_some_and(|text| text.contains(remedy)), "{said}");
        assert!(problem.cause.iter().any(|cause| cause.contains(said)), "{:?}", problem.cause);
        let effects = stage.effects();
        assert!(
            matches!(effects.as_slice(), [Some(EffectOutcome::Failed(why))] if why.contains(said)),
            "{effects:?}"
        );
    }
}

#[tokio::test]
async fn after_a_failure_the_others_are_left_alone_or_not() {
    for (on_failure, last) in
        [(OnFailure::Stop, Outcome::NotAttempted), (OnFailure::Continue, Outcome::Updated)]
    {
        let mut stage = stage(&["A", "B"]).await;
        stage.options = ApplyOptions { concurrency: 1, on_failure, ..stage.options };
        stage.lambda.change("A", |function| function.fails_with = Some(("InvalidImage", "no")));
        let results = stage.deploy(&["A", "B"]).await;
        assert_eq!((results[0].outcome, results[1].outcome), (Outcome::Failed, last));
    }
}

#[tokio::test]
async fn a_plan_with_problems_changes_nothing() {
    let stage = stage(&["A"]).await;
    let plan = stage.plan(&["A", "Gone"]).await;
    assert_eq!(
        plan.problems().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
        ["LF-LAMBDA-MISSING"]
    );
    let results = apply(&plan, &stage.client, &stage.run, &stage.options, None).await.functions;
    ended(&results[0], Outcome::NotAttempted, None);
    ended(&results[1], Outcome::Failed, Some("LF-LAMBDA-MISSING"));
    assert_eq!((stage.lambda.sent("A"), stage.effects().len()), (0, 0));
    assert!(plan.record().iter().all(|function| function.outcome == DeployOutcome::Planned));
}

#[tokio::test]
async fn an_update_that_does_not_end_is_unknown() {
    let mut stage = stage(&["Orders"]).await;
    stage.options.settle_timeout = Duration::from_millis(50);
    stage.lambda.change("Orders", |function| function.looks = u32::MAX);
    let result = stage.deploy_one().await;
    ended(&result, Outcome::Unknown, Some("LF-LAMBDA-UNSETTLED"));
    assert!(matches!(stage.effects().as_slice(), [Some(EffectOutcome::Unknown(_))]));
}

#[tokio::test]
async fn a_stop_ends_the_waiting_after_its_grace_and_begins_nothing_new() {
    let mut stage = stage(&["A", "B"]).await;
    stage.options = ApplyOptions { concurrency: 1, stop_grace: Duration::from_millis(50), ..stage.options };
    stage.lambda.change("A", |function| function.looks = u32::MAX);
    let plan = stage.plan(&["A", "B"]).await;
    let (run, lambda) = (stage.run.clone(), stage.lambda.clone());
    tokio::spawn(async move {
        while lambda.sent("A") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop().request(Signal::Terminate);
    });
    let results = apply(&plan, &stage.client, &stage.run, &stage.options, None).await.functions;
    ended(&results[0], Outcome::Unknown, Some("LF-LAMBDA-STOPPED"));
    ended(&results[1], Outcome::NotAttempted, None);
    assert_eq!(stage.lambda.sent("B"), 0);
}

#[tokio::test]
async fn after_a_stop_no_update_is_begun_where_another_was_awaited() {
    let stage = stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.pending = Some((image("other"), 3)));
    let plan = stage.plan(&["Orders"]).await;
    assert_eq!(plan.steps[0].action, Action::Await);
    // Within the grace the other update ends, and the function would take the image.
    let (run, lambda) = (stage.run.clone(), stage.lambda.clone());
    let asked = move || run.counters().requests().get("lambda.GetFunction").copied().unwrap_or(0);
    let (before, run) = (asked(), stage.run.clone());
    tokio::spawn(async move {
        while asked() == before {
            tokio::task::yield_now().await;
        }
        run.stop().request(Signal::Terminate);
    });
    let results = apply(&plan, &stage.client, &stage.run, &stage.options, None).await.functions;
    ended(&results[0], Outcome::NotAttempted, None);
    assert_eq!((lambda.runs("Orders"), lambda.sent("Orders")), (image("other"), 0));
    assert!(stage.effects().is_empty(), "nothing was intended");
}

#[tokio::test]
async fn after_a_stop_an_overtaken_update_is_not_sent_again() {
    let stage = stage(&["Orders"]).await;
    stage.lambda.change("Orders", |function| function.faults.push_back(Fault::Touched));
    let (run, lambda) = (stage.run.clone(), stage.lambda.clone());
    tokio::spawn(async move {
        while lambda.sent("Orders") == 0 {
            tokio::task::yield_now().await;
        }
        run.stop().request(Signal::Terminate);
    });
    let result = stage.deploy_one().await;
    ended(&result, Outcome::Failed, Some("LF-STOPPED"));
    assert_eq!(result.problem.map(|problem| problem.class), Some(Class::Interrupted));
    assert_eq!(stage.lambda.sent("Orders"), 1);
    let effects = stage.effects();
    assert!(matches!(effects.as_slice(), [Some(EffectOutcome::Failed(_))]), "{effects:?}");
}
