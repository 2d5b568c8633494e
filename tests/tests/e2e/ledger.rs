//! `landfall ledger` on what real stages recorded, and against what functions run.

use serde_json::Value;

use crate::rollback::plan_second;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn what_stages_recorded_is_what_runs_until_somebody_changes_it() {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let ran = world.run(&["ledger", "drift"]).await.expect(0);
    assert!(ran.stdout.ends_with("2 functions compared, 0 of them drifted\n"), "{}", ran.stdout);

    // A deployment that nobody recorded: what the ledger says is not so any more.
    plan_second(&world);
    world.run(&["deploy-lambda"]).await.expect(0);
    let ran = world.run(&["ledger", "drift"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-LEDGER-DRIFT"]);
    // Long names are cut in the middle to fit the line.
    for function in ["Order", "Payment"] {
        let line = ran.stdout.lines().find(|line| line.starts_with(function));
        assert!(line.is_some_and(|line| line.contains("differs")), "{}", ran.stdout);
    }
    let ran = world.run(&["ledger", "drift", "--output", "json"]).await.expect(3);
    let drift: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&drift["view"], &drift["result"]["drifted"]), (&"drift".into(), &2.into()));

    world.run(&["update-version-dashboard"]).await.expect(0);
    world.run(&["ledger", "drift"]).await.expect(0);
    for view in ["show", "history", "dora", "audit", "verify", "graveyard", "locks"] {
        let ran = world.run(&["ledger", view]).await.expect(0);
        // What is verified is told with its whole digest, which is to be kept elsewhere.
        let most = if view == "verify" { 160 } else { 80 };
        assert!(ran.stdout.lines().all(|line| landfall_cli::columns(line) <= most), "{view}\n{}", ran.stdout);
    }
    let ran = world.run(&["ledger", "trace", "orderService", "--output", "json"]).await.expect(0);
    let trace: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let steps = trace["result"]["steps"].as_array().expect("steps");
    assert!(steps.iter().any(|step| step["step"] == "change" && step["outcome"] == "done"), "{trace:#}");
    assert!(steps.iter().any(|step| step["step"] == "deployment"), "{trace:#}");
}
