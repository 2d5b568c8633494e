//! Every exit code is reached: 0 to 8 here, 130 and 143 in `signals`.

use std::time::Duration;

use landfall_cli::exit;
use landfall_sandbox::{Fault, Service, What};

use crate::snapshot::page;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn done_and_bad_usage() {
    let world = World::small().await;
    world.run(&["generate-versions"]).await.expect(i32::from(exit::DONE));
    world.run(&["generate-versions", "--no-such-flag"]).await.expect(i32::from(exit::INPUT));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_defect_and_tells_no_secret() {
    let mut world = World::small().await;
    world.set("PANIC_PASSWORD", "hush-hush-hush");
    world.further_secrets.push("hush-hush-hush".to_owned());
    let ran = world.run(&["panics", "--quiet"]).await.expect(i32::from(exit::DEFECT));
    assert!(
        ran.stderr.contains("LF-DEFECT") && ran.stderr.contains("no entry for <redacted>"),
        "{}",
        ran.stderr
    );
}

/// What is cut first has no whole secret any more that could be redacted.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_redacted_before_its_text_is_cut() {
    let mut world = World::small().await;
    let secret: String = std::iter::repeat_with(fastrand::alphanumeric).take(80).collect();
    world.set("PANIC_PASSWORD", &secret);
    // Forty characters of it stand before the cut.
    let ran = world.run(&["panics", "--quiet", "--after", "447"]).await.expect(i32::from(exit::DEFECT));
    assert!(ran.stderr.contains("xxx<redacted>\n"), "{}", ran.stderr);
    let ran = world.run(&["panics", "--tell", "--after", "360"]).await.expect(0);
    assert!(ran.stdout.contains("xxx<redacted>\n"), "{}", ran.stdout);
    world.set("PANIC_NOTE", &format!("{}{secret}", "x".repeat(360)));
    let ran = world.run(&["panics", "--tell"]).await.expect(0);
    assert!(ran.report()["config"]["note"].as_str().is_some_and(|note| note.ends_with("xxx<redacted>")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_another_run_holds() {
    let world = deployable().await;
    let slow = Fault::new(What::DelayAnswer(Duration::from_secs(2))).on(Service::Lambda);
    world.sandbox.faults().add(slow);
    let mut first = world.start(&["deploy-lambda"], None).await;
    first.until(|entry| entry.service == Service::Lambda).await;
    let ran = world.run(&["deploy-lambda", "--quiet"]).await.expect(i32::from(exit::LOCKED));
    page!(ran.page(&world), @r#"
    error[LF-LEDGER-HELD] exit 4
      environment stg_eu00 is held by deploy-lambda of unknown
      next: wait for deploy-lambda of unknown to end, then run again; the lock of a run that is gone ends by itself

    nothing was changed
    exit 4
    "#);
    first.end().await.expect(i32::from(exit::DONE));
    world.run(&["deploy-lambda"]).await.expect(i32::from(exit::DONE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_says_no() {
    let mut world = World::small().await;
    world.set("AWS_ACCOUNT_ID", "999999999999");
    world.run(&["aws-credentials"]).await.expect(i32::from(exit::REFUSED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_that_does_not_pass() {
    let world = deployable().await;
    world.sandbox.faults().add(Fault::new(What::CutBefore).on(Service::Lambda).every());
    let ran = world.run(&["deploy-lambda", "--quiet"]).await.expect(i32::from(exit::TRANSIENT));
    page!(ran.page(&world), @r#"
    error[LF-AWS-UNANSWERED] exit 5
      function OrderServiceFunction cannot be read
      function PaymentGatewayFunction cannot be read
      caused by: lambda GetFunction got no complete answer
        caused by: client error (SendRequest)
          caused by: connection closed before message completed
      next: the service or the network is slow or failing; run again

    nothing was changed
    exit 5
    "#);
}

async fn deployable() -> World {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_images_and_plan();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn partly_done() {
    let world = deployable().await;
    world.sandbox.lambda.fail_next("PaymentGatewayFunction", "InternalError", "An internal error occurred.");
    let ran = world
        .run(&["deploy-lambda", "--jobs", "1", "--on-failure", "stop"])
        .await
        .expect(i32::from(exit::PARTIAL));
    assert_eq!(ran.outcome(), "partial");
    world.run(&["deploy-lambda"]).await.expect(i32::from(exit::DONE));
}

#[tokio::test(flavor = "multi_thread")]
async fn partly_rolled_back() {
    let world = deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    world.sandbox.lambda.fail_next("PaymentGatewayFunction", "InternalError", "An internal error occurred.");
    let ran = world.run(&["rollback-lambda", "--quiet"]).await.expect(i32::from(exit::PARTIAL));
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-FAILED] exit 6
      the update of PaymentGatewayFunction failed (InternalError): An internal error occurred.
      next: a passing fault at AWS: run again

    what was changed (2):
      OrderServiceFunction: rolled-back
      ledger record 12: recorded
    exit 6
    "#);
    world.run(&["rollback-lambda"]).await.expect(i32::from(exit::DONE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_tampered_with() {
    let world = deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    let record = ".landfall/ledger/00000000000000000001.json";
    let changed = world.read(record).replace("stg_eu00", "stg_eu01");
    world.write(record, &changed);
    world.remove(".landfall/ledger/00000000000000000002.json");
    let ran = world.run(&["deploy-lambda", "--quiet"]).await.expect(i32::from(exit::INTEGRITY));
    page!(ran.page(&world), @r#"
    error[LF-LEDGER-DAMAGED] exit 7
      the ledger in .landfall/ledger is damaged at record 2: it is missing
      next: find out who changed .landfall/ledger, restore it from where it is kept, and delete no record

    nothing was changed
    exit 7
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_stays_unknown() {
    let world = deployable().await;
    world.sandbox.lambda.settle_after("OrderServiceFunction", Duration::from_secs(3600));
    let words = ["deploy-lambda", "--settle-timeout", "1s", "--on-failure", "stop", "--quiet"];
    let ran = world.run(&words).await.expect(i32::from(exit::UNKNOWN));
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-UNSETTLED] exit 8
      the update of OrderServiceFunction is not over after [n] s
      next: run again, which goes on waiting, or raise settle_timeout

    what was changed (2):
      OrderServiceFunction: unknown, it may have been changed
      PaymentGatewayFunction: updated
    exit 8
    "#);
    assert_eq!(ran.outcome(), "unknown");
}
