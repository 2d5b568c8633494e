//! Checks against a server of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use landfall_artifacts::{Class, EventKind, OutcomeKind, Settings, SmokeCheck};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_lambda_deploy::LambdaClient;
use landfall_ledger::Ledger;
use landfall_run::{Event, Progress, Run, Signal, Stop};
use landfall_secret::{Redactor, Secret};
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;

use super::*;

/// A service that is well from the third request on, and a function.
async fn server() -> String {
    let asked = Arc::new(AtomicU32::new(0));
    let late = move || {
        let count = asked.fetch_add(1, Ordering::SeqCst);
        async move { if count < 2 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK } }
    };
    // Well enough to say that it is not, and then silent.
    let told = Arc::new(AtomicU32::new(0));
    let stuck = move || {
        let count = told.fetch_add(1, Ordering::SeqCst);
        async move {
            if count > 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            (StatusCode::SERVICE_UNAVAILABLE, "warming up")
        }
    };
    let function = |headers: HeaderMap, body: String| async move {
        if body.contains("slow") {
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
        assert!(headers.contains_key("authorization"), "it is signed");
        if body.contains("fail") {
            let failed = [("x-amz-function-error", "Unhandled")];
            return (failed, r#"{"errorMessage":"boom","errorType":"Error"}"#.to_owned());
        }
        ([("x-amz-executed-version", "7")], format!(r#"{{"statusCode":200,"given":{body}}}"#))
    };
    let router = Router::new()
        .route("/late", get(late))
        .route("/stuck", get(stuck))
        .route("/health", get(|| async { r#"{"status":"ok","parts":{"db":1}}"# }))
        .route("/text", get(|| async { "all hush-hush-hush well" }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(60)).await }))
        .route("/2015-03-31/functions/{name}/invocations", post(function));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn checks(text: &str, server: &str) -> Vec<SmokeCheck> {
    let text = text.replace("SERVER", server);
    Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid settings").smoke
}

fn deps(server: &str) -> Deps {
    deps_of(server, HttpConfig::default())
}

fn deps_of(server: &str, config: HttpConfig) -> Deps {
    let http = Http::new(config).expect("a client");
    let keys = AwsKeys::new("AKIDEXAMPLE", Secret::new("x"), None);
    let endpoints = Endpoints { lambda: Some(server.to_owned()), ..Endpoints::default() };
    let aws = AwsConfig::new("eu-west-1", keys, endpoints, http.clone()).expect("a configuration");
    let lambda = LambdaClient::new(&aws, landfall_run::Share::default()).expect("a client");
    let variables = [("PATH", "/usr/bin:/bin"), ("TEST_ENV", "stg")];
    Deps {
        http: Some(http),
        lambda: Some(lambda),
        function_name: None,
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn quick() -> Patience {
    Patience {
        window: Duration::from_millis(400),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(50),
    }
}

fn config(checks: Vec<SmokeCheck>) -> Config {
    Config {
        environment: "stg_eu00".parse().ok(),
        release: "v1.0.0".parse().ok(),
        checks,
        read_only: false,
        patience: quick(),
    }
}

async fn ledger(folder: &TempDir) -> Ledger {
    let actor = landfall_artifacts::Actor { name: "test".to_owned(), source: "test".to_owned() };
    let context = landfall_ledger::Context::new(actor, "0.0.0");
    Ledger::open(folder.path(), context, landfall_run::Clock::system()).await.expect("a ledger")
}

const GOOD: &str = r#"
[[smoke]]
http = "SERVER/late"
[[smoke]]
http = "SERVER/health?deep=1"
pointer = "/parts/db"
equals = 1
read_only = true
[[smoke]]
command = "test \"$TEST_ENV\" = stg"
[[smoke]]
command = ["true"]
[[smoke]]
invoke = "PriceFetcherFunction"
qualifier = "live"
payload = { ping = true }
pointer = "/given/ping"
equals = true
"#;

#[tokio::test]
async fn checks_are_made_until_they_pass() {
    let server = server().await;
    let folder = TempDir::new().expect("a folder");
    let ledger = ledger(&folder).await;
    let config = config(checks(GOOD, &server));
    let run_ = Run::builder().build();
    let dry = Output::DryRun { foretell: None };
    let planned = run(&config, &deps(&server), &ledger, &dry, &run_).await.expect("planned");
    assert!(planned.items.iter().all(|item| item.outcome == "planned"));
    let finished = run(&config, &deps(&server), &ledger, &Output::Real, &run_).await.expect("made");
    assert_eq!(finished.verdict(), (OutcomeKind::Done, None), "{:?}", finished.lines);
    assert_eq!(finished.summary, "5 of 5 checks passed");
    assert_eq!(finished.items[0].details["attempts"], 3);
    let events = ledger.events().await.expect("events");
    assert_eq!((events.len(), events[0].kind), (1, EventKind::Test));
    assert_eq!(events[0].outcome, Some(landfall_artifacts::EffectResult::Done));
    check(&config.checks, &deps(&server), &run_).await.expect("all pass");
}

#[tokio::test]
async fn what_failed_is_shown_with_what_was_seen() {
    let server = server().await;
    let folder = TempDir::new().expect("a folder");
    let ledger = ledger(&folder).await;
    let bad = r#"
[[smoke]]
http = "SERVER/none"
[[smoke]]
name = "health"
http = "SERVER/health"
pointer = "/status"
equals = "green"
[[smoke]]
http = "SERVER/text"
pointer = "/status"
[[smoke]]
command = "echo one; echo hush-hush-hush >&2; exit 3"
[[smoke]]
command = ["no-such-program-anywhere"]
[[smoke]]
name = "hangs"
command = "echo begun; sleep 60"
timeout = "1s"
[[smoke]]
invoke = "PriceFetcherFunction"
payload = "fail"
"#;
    let redactor = Redactor::new();
    redactor.learn(&Secret::new("hush-hush-hush"));
    let run_ = Run::builder().redactor(redactor).build();
    let config = config(checks(bad, &server));
    let finished = run(&config, &deps(&server), &ledger, &Output::Real, &run_).await.expect("made");
    assert_eq!(finished.verdict(), (OutcomeKind::Blocked, Some(Class::Refused)));
    let told: Vec<String> = finished.all_problems().iter().map(landfall_artifacts::Problem::told).collect();
    let told = told.join("\n").replace(&server, "[server]");
    insta::assert_snapshot!(told, @r#"
    the check `http [server]/none` failed: it answered 404, not 200
    the check `health` failed: "ok" stands at `/status` of the answer, not "green": {"status":"ok","parts":{"db":1}}
    the check `http [server]/text` failed: the answer is not JSON: expected value at line 1 column 1: all <redacted> well
    the check `command sh -c echo one; echo <redacted> >&2; exit 3` failed: it ended with exit status: 3: one: <redacted>
    the check `command no-such-program-anywhere` failed: `no-such-program-anywhere` cannot be started: No such file or directory (os error 2)
    the check `hangs` failed: it did not end in 0.4 s and was ended: begun
    the check `invoke PriceFetcherFunction` failed: the function failed (Unhandled): {"errorMessage":"boom","errorType":"Error"}
    "#);
    assert_eq!(
        ledger.events().await.expect("events")[0].outcome,
        Some(landfall_artifacts::EffectResult::Failed)
    );
}

#[tokio::test]
async fn only_reading_is_allowed_where_that_is_said() {
    let server = server().await;
    let folder = TempDir::new().expect("a folder");
    let config = Config { read_only: true, ..config(checks(GOOD, &server)) };
    let refused =
        run(&config, &deps(&server), &ledger(&folder).await, &Output::Real, &Run::builder().build()).await;
    let Refusal(problems) = refused.expect_err("refused");
    assert_eq!(problems.len(), 4);
    assert!(
        problems
            .iter()
            .all(|problem| problem.class == Class::Refused && problem.code == "LF-SMOKE-READ-ONLY")
    );
    let none = Config { checks: Vec::new(), ..config };
    let refused =
        run(&none, &deps(&server), &ledger(&folder).await, &Output::Real, &Run::builder().build()).await;
    assert_eq!(refused.expect_err("refused").0[0].code, "LF-SMOKE-NONE");
}

#[tokio::test]
async fn a_stop_is_no_verdict_and_a_deadline_is_one() {
    let server = server().await;
    let slow = checks("[[smoke]]\nhttp = \"SERVER/slow\"\n", &server);
    let stop = Stop::new();
    let run_ = Run::builder().stop(stop.clone()).build();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.request(Signal::Terminate);
    });
    let patience = Patience { window: Duration::from_secs(60), ..quick() };
    let results = check_all(&slow, &deps(&server), patience, &run_).await;
    assert_eq!(results[0].problem().map(|problem| problem.class), Some(Class::Interrupted));

    let run_ = Run::builder().deadline(Duration::from_millis(300)).build();
    let results = check_all(&slow, &deps(&server), patience, &run_).await;
    assert_eq!(results[0].problem().map(|problem| problem.class), Some(Class::Refused));
}

#[tokio::test]
async fn a_check_that_is_not_to_be_repeated_is_made_once() {
    let server = server().await;
    let once = checks("[[smoke]]\nhttp = \"SERVER/late\"\nretry = false\n", &server);
    let failures = check(&once, &deps(&server), &Run::builder().build()).await.expect_err("not yet");
    assert_eq!(failures.0[0].attempts, 1);
    assert!(failures.to_string().contains("1 checks did not pass"));
}

/// Stops a run a moment after something was told.
#[derive(Debug)]
struct StopsAfter(fn(&Event) -> bool, Stop);

impl Progress for StopsAfter {
    fn event(&self, event: Event) {
        if (self.0)(&event) {
            let stop = self.1.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                stop.request(Signal::Terminate);
            });
        }
    }
}

fn stopped_after(moment: fn(&Event) -> bool) -> Run {
    let stop = Stop::new();
    Run::builder().stop(stop.clone()).progress(Arc::new(StopsAfter(moment, stop))).build()
}

fn is_started(event: &Event) -> bool {
    matches!(event, Event::Started { .. })
}

fn is_failed(event: &Event) -> bool {
    matches!(event, Event::Finished { result, .. } if result == "failed")
}

fn is_repeated(event: &Event) -> bool {
    matches!(event, Event::Retrying { .. })
}

fn told(problem: &landfall_artifacts::Problem, server: &str) -> String {
    format!("{} {:?}: {}", problem.code, problem.class, problem.told()).replace(server, "[server]")
}

#[tokio::test]
async fn what_was_stopped_is_not_called_failed() {
    let server = server().await;
    let folder = TempDir::new().expect("a folder");
    let ledger = ledger(&folder).await;
    let patience = Patience { window: Duration::from_secs(60), ..quick() };
    let slow = "[[smoke]]\nhttp = \"SERVER/slow\"\n[[smoke]]\ncommand = \"sleep 60\"\n";
    let stopped = Config { patience, ..config(checks(slow, &server)) };
    let finished = run(&stopped, &deps(&server), &ledger, &Output::Real, &stopped_after(is_started))
        .await
        .expect("made");
    assert_eq!(finished.verdict().1, Some(Class::Interrupted));
    insta::assert_snapshot!(finished.lines.join("\n").replace(&server, "[server]"), @r"
    http [server]/slow was stopped in attempt 1
    command sh -c sleep 60 was stopped in attempt 1
    ");
    assert_eq!(
        ledger.events().await.expect("events")[0].outcome,
        Some(landfall_artifacts::EffectResult::Unknown)
    );

    // Where a deployment asks it is no verdict on the deployment either.
    let failures =
        check(&stopped.checks, &deps(&server), &stopped_after(is_started)).await.expect_err("stopped");
    insta::assert_snapshot!(told(&failures.into(), &server), @"LF-STOPPED Interrupted: 2 checks did not pass: http [server]/slow, command sh -c sleep 60: stopped before the check `http [server]/slow` passed: stopped before the check `command sh -c sleep 60` passed");

    // What had failed by then stays failed.
    let text = format!("{slow}[[smoke]]\ncommand = \"exit 1\"\nretry = false\n");
    let failed = Config { patience, ..config(checks(&text, &server)) };
    let finished =
        run(&failed, &deps(&server), &ledger, &Output::Real, &stopped_after(is_failed)).await.expect("made");
    assert!(finished.all_problems().iter().any(|problem| problem.code == "LF-SMOKE-FAILED"));
    assert_eq!(
        ledger.events().await.expect("events")[1].outcome,
        Some(landfall_artifacts::EffectResult::Failed)
    );
    let failures =
        check(&failed.checks, &deps(&server), &stopped_after(is_failed)).await.expect_err("failed");
    assert_eq!(landfall_artifacts::Problem::from(failures).code, "LF-SMOKE-FAILED");
}

#[tokio::test]
async fn what_was_seen_is_not_hidden_by_our_own_clock() {
    let stuck = "[[smoke]]\nhttp = \"SERVER/stuck\"\n";
    let long = Patience { window: Duration::from_secs(60), ..quick() };
    let mut seen = Vec::new();
    let second = Duration::from_secs(1);
    let runs: [(Patience, fn() -> Run); 3] = [
        (Patience { window: second, ..quick() }, || Run::builder().build()),
        (long, || Run::builder().deadline(Duration::from_secs(1)).build()),
        (long, || stopped_after(is_repeated)),
    ];
    for (patience, begin) in runs {
        let server = server().await;
        let deps = deps(&server);
        let results = check_all(&checks(stuck, &server), &deps, patience, &begin()).await;
        seen.push(told(&results[0].problem().expect("it does not pass"), &server));
    }
    insta::assert_snapshot!(seen.join("\n"), @r"
    LF-SMOKE-FAILED Refused: the check `http [server]/stuck` failed: it answered 503, not 200: warming up: one more try was cut short: the time was over
    LF-SMOKE-FAILED Refused: the check `http [server]/stuck` failed: it answered 503, not 200: warming up: one more try was cut short: the time was over
    LF-STOPPED Interrupted: stopped before the check `http [server]/stuck` passed: it answered 503, not 200: warming up
    ");
}

#[tokio::test]
async fn a_command_is_judged_by_its_own_end() {
    let server = server().await;
    let behind = r#"
[[smoke]]
command = "echo well; sleep 60 & exit 0"
[[smoke]]
command = "echo bad; sleep 60 & exit 4"
retry = false
[[smoke]]
command = "setsid sleep 3 & exit 0"
[[smoke]]
command = "exec >&- 2>&-; sleep 0.1; exit 5"
retry = false
"#;
    let patience = Patience { window: Duration::from_secs(20), ..quick() };
    let results =
        check_all(&checks(behind, &server), &deps(&server), patience, &Run::builder().build()).await;
    let told: Vec<String> = results
        .iter()
        .map(|result| result.problem().map_or_else(|| "passed".to_owned(), |problem| problem.told()))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    passed
    the check `command sh -c echo bad; sleep 60 & exit 4` failed: it ended with exit status: 4: bad
    passed
    the check `command sh -c exec >&- 2>&-; sleep 0.1; exit 5` failed: it ended with exit status: 5
    ");
    assert!(results.iter().all(|result| result.attempts == 1));
}

#[tokio::test]
async fn an_invocation_may_take_as_long_as_its_check_says() {
    let server = server().await;
    let slow = "[[smoke]]\ninvoke = \"PriceFetcherFunction\"\npayload = \"slow\"\ntimeout = \"20s\"\n";
    // Less than the function takes; in life it is a minute.
    let config = HttpConfig { idle_timeout: Duration::from_millis(300), ..HttpConfig::default() };
    let patience = Patience { window: Duration::from_secs(60), ..quick() };
    let deps = deps_of(&server, config);
    let results = check_all(&checks(slow, &server), &deps, patience, &Run::builder().build()).await;
    assert!(results[0].problem().is_none(), "{results:?}");
    assert_eq!(results[0].attempts, 1);
}

#[tokio::test]
async fn what_could_not_be_asked_is_the_infrastructures_fault() {
    for (check, is_infrastructure) in [
        ("http = \"http://127.0.0.1:9/\"", true),
        ("command = \"false\"", false),
        ("http = \"http://127.0.0.1:9/\"\n[[smoke]]\ncommand = \"false\"", false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = ledger(&folder).await;
        let text = format!("[[smoke]]\n{check}\n");
        let settings = landfall_artifacts::Settings::parse(text.as_bytes(), "x", &[]).expect("valid");
        let mut config = config(settings.smoke);
        config.patience.window = std::time::Duration::from_millis(200);
        let http =
            landfall_transport::Http::new(landfall_transport::HttpConfig::default()).expect("a client");
        let deps = Deps { http: Some(http), ..Deps::default() };
        let run_ = landfall_run::Run::builder().build();
        let ran = run(&config, &deps, &ledger, &crate::Output::Real, &run_).await.expect("made");
        assert_eq!(ran.verdict().0, OutcomeKind::Blocked, "{check}");
        let events = ledger.events().await.expect("events");
        let details = &events.last().expect("a record").details;
        assert_eq!(details.contains_key("infrastructure"), is_infrastructure, "{check}");
        assert_eq!(matches!(ran.news, Some(News::Died { .. })), !is_infrastructure, "{check}");
    }
}
