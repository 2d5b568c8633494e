//! Notifications: a deployment, a gate and a death are told; a chat that is down fails nothing and is told by a later run.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

use crate::world::World;

/// The end of both webhooks' addresses: it may stand nowhere.
const CANARY: &str = "sEcReT0123456789CaNaRyOfAwEbHoOk";

const SETTINGS: &str = r#"
[approvers]
qa-lead = ["ada"]
[environment.stg_eu00]
[environment.prod_eu00]
after = ["stg_eu00"]
approvals = ["qa-lead"]
[notify.chat]
kind = "slack"
url_variable = "CHAT_URL"
[notify.audit]
kind = "webhook"
url_variable = "AUDIT_URL"
events = ["deployment"]
"#;

/// A chat and a receiver of webhooks.
#[derive(Clone, Default)]
struct Chat {
    /// What it answers; 0 is 200.
    status: Arc<AtomicU16>,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Chat {
    /// Starts it and gives its address.
    async fn start(&self) -> String {
        let chat = self.clone();
        let take = move |body: String| {
            let chat = chat.clone();
            async move {
                let status = chat.status.load(Ordering::SeqCst);
                if status == 0 {
                    let body = serde_json::from_str(&body).expect("JSON");
                    chat.told.lock().expect("not poisoned").push(body);
                }
                StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
            }
        };
        let router = axum::Router::new().route(&format!("/services/{CANARY}"), post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/services/{CANARY}")
    }

    /// One field of everything that arrived.
    fn told(&self, field: &str) -> Vec<String> {
        let told = self.told.lock().expect("not poisoned");
        told.iter().map(|body| body[field].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn told_world() -> (World, Chat, Chat) {
    let mut world = World::deployable().await;
    let (chat, audit) = (Chat::default(), Chat::default());
    world.write("landfall.toml", SETTINGS);
    world.set("CHAT_URL", &chat.start().await);
    world.set("AUDIT_URL", &audit.start().await);
    world.set("LANDFALL_RELEASE", "v1.4.0");
    world.set("GITLAB_USER_LOGIN", "dev");
    world.further_secrets.push(CANARY.to_owned());
    (world, chat, audit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_down_fails_nothing_and_is_told_by_the_next_run() {
    let (world, chat, audit) = told_world().await;
    let ran = world.run(&["deploy-lambda", "--dry-run"]).await.expect(0);
    assert!(ran.stdout.contains("audit, chat would be told of the deployment"), "{}", ran.stdout);
    assert!(audit.told("id").is_empty(), "a dry run tells nobody");

    chat.status.store(503, Ordering::SeqCst);
    let ran = world.run(&["deploy-lambda"]).await.expect(0);
    assert!(ran.stderr.contains("LF-NOTIFY-STATUS: chat answered 503"), "{}", ran.stderr);
    let report = ran.report.as_ref().expect("a report");
    assert!(report["warnings"].to_string().contains("waits in the queue"), "{}", report["warnings"]);
    assert_eq!(
        (audit.told("event"), audit.told("release")),
        (vec!["deployment".into()], vec!["v1.4.0".into()])
    );
    let ran = world.run(&["notify", "list"]).await.expect(0);
    assert!(ran.stdout.contains("deployment of v1.4.0 in stg_eu00 to chat"), "{}", ran.stdout);
    assert!(ran.stdout.contains("LF-NOTIFY-STATUS: chat answered 503"), "{}", ran.stdout);
    world.run(&["notify", "send"]).await.expect(5);
    let ran = world.run(&["notify", "test", "chat"]).await.expect(5);
    assert_eq!(ran.codes(), ["LF-NOTIFY-STATUS"]);

    chat.status.store(0, Ordering::SeqCst);
    world.run(&["rollback-lambda"]).await.expect(0);
    let texts = chat.told("text");
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("deploy-lambda: v1.4.0 in stg_eu00 is done."), "{texts:?}");
    assert!(texts[1].starts_with("rollback-lambda: v1.4.0 in stg_eu00 is done."), "{texts:?}");
    let ran = world.run(&["notify", "list"]).await.expect(0);
    assert_eq!(ran.stdout, "every notification was delivered\n");
    world.run(&["notify", "test", "audit"]).await.expect(0);
    assert_eq!(audit.told("event"), ["deployment", "deployment", "test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_once_and_who_dies_too() {
    let (mut world, chat, _audit) = told_world().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    for _ in 0..3 {
        world.run(&["gate", "check"]).await.expect(3);
    }
    world.set("GITLAB_USER_LOGIN", "ada");
    // An approval that lapses leaves it waiting for the same, and that is told anew, once too.
    world.run(&["gate", "approve", "--expires", "1s"]).await.expect(0);
    while world.run(&["gate", "check"]).await.code == Some(0) {}
    world.run(&["gate", "check"]).await.expect(3);
    world.run(&["gate", "reject", "--reason", "<!channel> it is slow"]).await.expect(0);
    let texts = chat.told("text");
    assert_eq!(texts.len(), 4, "{texts:?}");
    for waits in &texts[1..3] {
        assert!(waits.starts_with("v1.4.0 waits before prod_eu00: approval of qa-lead"), "{texts:?}");
    }
    assert!(
        texts[3].starts_with("v1.4.0 is dead, found in prod_eu00: &lt;!channel&gt; it is slow"),
        "{texts:?}"
    );
    // A stage that is refused is a failure, and told as one.
    world.run(&["deploy-lambda"]).await.expect(3);
    let texts = chat.told("text");
    assert!(texts.last().is_some_and(|text| text.contains("ended blocked. LF-GATE-DEAD")), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_wants_to_have_told_any_more_is_dropped() {
    let (world, chat, _audit) = told_world().await;
    chat.status.store(503, Ordering::SeqCst);
    world.run(&["deploy-lambda"]).await.expect(0);
    let ran = world.run(&["notify", "drop", "nothing"]).await.expect(2);
    assert_eq!(ran.codes(), ["LF-NOTIFY-UNKNOWN"]);
    // What is tried again is no refused one.
    let ran = world.run(&["notify", "drop", "refused"]).await.expect(0);
    assert!(ran.stdout.contains("0 dropped, 1 left"), "{}", ran.stdout);
    let ran = world.run(&["notify", "list", "--output", "json"]).await.expect(0);
    let listed: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let id = listed["notifications"][0]["id"].as_str().expect("an id");
    let ran = world.run(&["notify", "drop", id]).await.expect(0);
    assert!(ran.stdout.contains("1 dropped, 0 left"), "{}", ran.stdout);
    chat.status.store(0, Ordering::SeqCst);
    world.run(&["notify", "send"]).await.expect(0);
    assert!(chat.told("text").is_empty(), "{:?}", chat.told("text"));

    // A webhook that is gone refuses for good.
    chat.status.store(410, Ordering::SeqCst);
    world.run(&["rollback-lambda"]).await.expect(0);
    let ran = world.run(&["notify", "drop", "refused"]).await.expect(0);
    assert!(ran.stdout.contains("1 dropped, 0 left"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_that_failed_elsewhere_kills_the_release_and_is_told() {
    let (mut world, chat, _audit) = told_world().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let suite = ["ledger", "record", "test", "--suite", "selenium"];
    let ran =
        world.run(&[&suite[..], &["--infrastructure", "--reason", "no browser"]].concat()).await.expect(0);
    assert!(!ran.stdout.contains("dead"), "{}", ran.stdout);
    world.run(&[&suite[..], &["--failed"]].concat()).await.expect(2);
    world.run(&[&suite[..], &["--failed", "--reason", "the cart is empty"]].concat()).await.expect(0);
    let texts = chat.told("text");
    let death = texts.last().expect("told");
    assert!(death.starts_with("v1.4.0 is dead, found in stg_eu00: "), "{texts:?}");
    assert!(death.contains("the test selenium failed: the cart is empty"), "{texts:?}");
    let ran = world.run(&["ledger", "graveyard"]).await.expect(0);
    assert!(ran.stdout.contains("v1.4.0") && ran.stdout.contains("selenium"), "{}", ran.stdout);
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    assert_eq!(world.run(&["deploy-lambda"]).await.expect(3).codes(), ["LF-GATE-DEAD"]);
}
