//! The dashboard of a ledger in S3: drawn where nothing else is, shown to a browser, put into a bucket, told to another one.

use std::sync::{Arc, Mutex};

use landfall_sandbox::{Fault, Service, What};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::world::World;

const PAGES: &str = "acme-pages";

const SETTINGS: &str =
    "[approvers]\nqa-lead = [\"ada\"]\n[environment.stg_eu00]\napprovals = [\"qa-lead\"]\n";

/// What the jobs before left for the one that deploys.
const CONTRACT: [&str; 3] = ["versions.json", "lambda-ecr-mappings.json", "image-lock.json"];

impl World {
    async fn approved_elsewhere() -> Self {
        let mut world = Self::deployable().await;
        world.has_shared_ledger();
        world.was_built_by("dev", "v1.4.0");
        world.sandbox.s3.create_bucket(PAGES);
        world.set("LANDFALL_RELEASE", "v1.4.0");
        world.set("GITLAB_USER_LOGIN", "dev");
        world
    }

    /// A job on another machine: nothing of what jobs before left is there but these files.
    fn moves_to_a_workspace_with(&mut self, files: &[(&str, &str)]) {
        self.repo = TempDir::new().expect("a folder");
        for (name, text) in files {
            self.write(name, text);
        }
    }
}

/// What an address of this machine answers to `GET`.
async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_share_a_ledger_alone_approve_deploy_and_draw() {
    let mut world = World::approved_elsewhere().await;
    // The lock says which release it is of: nothing else tells the person who approves what that is.
    let read = |name: &'static str| (name, world.read(name).replace("r-0123456789ab", "v1.4.0"));
    let contract: Vec<(&str, String)> = CONTRACT.into_iter().map(read).collect();
    let contract: Vec<(&str, &str)> = contract.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let deploying = [&[("landfall.toml", SETTINGS)], contract.as_slice()].concat();

    world.moves_to_a_workspace_with(&deploying);
    let ran = world.run(&["deploy-lambda"]).await.expect(3);
    assert!(ran.codes().contains(&"LF-GATE-APPROVAL"), "{:?}", ran.codes());

    // Another machine, where a person approves what the lock names.
    world.moves_to_a_workspace_with(&[("landfall.toml", SETTINGS), contract[2]]);
    world.set("GITLAB_USER_LOGIN", "ada");
    world.run(&["gate", "approve"]).await.expect(0);
    world.set("GITLAB_USER_LOGIN", "dev");
    assert!(!world.path(".landfall").exists(), "the ledger is in the bucket alone");

    world.moves_to_a_workspace_with(&deploying);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;

    // A third one has nothing at all.
    world.moves_to_a_workspace_with(&[]);
    world.run(&["dashboard", "build", "--out", "site"]).await.expect(0);
    let index = world.read("site/index.html");
    assert!(index.contains("OrderServiceFunction") && index.contains("stg_eu00"), "{index}");
    let release = world.read("site/pages/release-v1.4.0.html");
    assert!(release.contains("ada") && release.contains("v1.4.0"), "who said yes is shown");

    let target = format!("s3://{PAGES}/shop");
    // A page that cannot be put there keeps those back that lead to it.
    let denied = What::status(403)
        .header("content-type", "application/xml")
        .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    let fault = Fault::new(denied).on(Service::S3).method(http::Method::PUT).matching("release-v1.4.0");
    world.sandbox.faults().add(fault);
    let ran = world.run(&["dashboard", "publish", &target]).await.expect(6);
    assert_eq!(ran.codes(), ["LF-AWS-DENIED", "LF-SYNC-WITHHELD"]);
    assert!(world.sandbox.s3.object(PAGES, "shop/index.html").is_none(), "the index comes last");
    assert!(world.sandbox.s3.object(PAGES, "shop/pages/releases.html").is_none());
    assert!(world.sandbox.s3.object(PAGES, "shop/pages/site.css").is_some());
    let ran = world.run(&["dashboard", "publish", &target]).await.expect(0);
    assert!(ran.stdout.contains("uploaded to s3://acme-pages/shop"), "{}", ran.stdout);
    let published = world.sandbox.s3.object(PAGES, "shop/index.html").expect("the index");
    assert!(String::from_utf8_lossy(&published.bytes).contains("OrderServiceFunction"));
    assert!(world.sandbox.s3.object(PAGES, "shop/pages/release-v1.4.0.html").is_some());

    // A checkpoint in the second bucket, and what it shows when the ledger is rolled back.
    let vault = format!("s3://{PAGES}/checkpoints");
    world.run(&["ledger", "checkpoint", "--to", &vault]).await.expect(0);
    world.run(&["ledger", "verify", "--checkpoints", &vault]).await.expect(0);
    // The checkpoint's own record, and the one that it is of.
    world.loses_newest_record();
    world.loses_newest_record();
    world.run(&["ledger", "verify"]).await.expect(0);
    let ran = world.run(&["ledger", "verify", "--checkpoints", &vault]).await.expect(7);
    assert_eq!(ran.codes(), ["LF-LEDGER-DAMAGED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_answered_until_a_signal_and_no_open_connection_holds_the_end() {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let mut running = world.start(&["dashboard", "serve", "--port", "0"], None).await;
    let line = running.line_with("until Ctrl-C").await;
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let page = get(address, "/").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("OrderServiceFunction"), "{page}");
    assert!(get(address, "/pages/environment-stg_eu00.html").await.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/../landfall.toml").await.starts_with("HTTP/1.1 404"));

    // Browsers open connections in advance, and leave those that they used open.
    let _early = TcpStream::connect(address).await.expect("it listens");
    let mut kept = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
    kept.write_all(request.as_bytes()).await.expect("written");
    kept.read_exact(&mut [0; 15]).await.expect("an answer");
    let mut half = TcpStream::connect(address).await.expect("it listens");
    half.write_all(b"GET / HTT").await.expect("written");
    kill_process(Pid::from_raw(running.pid()).expect("a process id"), Signal::TERM).expect("sent");
    running.end().await.expect(0);
}

/// A dashboard of others: what it is told, and its address, which is a secret.
async fn another_dashboard() -> (Arc<Mutex<Vec<Value>>>, String, JoinHandle<()>) {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let heard = Arc::clone(&told);
    let hear = move |body: bytes::Bytes| {
        heard.lock().expect("not poisoned").push(serde_json::from_slice(&body).expect("JSON"));
        std::future::ready(())
    };
    let router = axum::Router::new().route("/hooks/CANARY0123456789", axum::routing::post(hear));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
    (told, format!("http://{address}/hooks/CANARY0123456789?key=CANARY9876543210"), serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_dashboard_is_told_what_runs_and_need_not_be_there() {
    let mut world = World::deployable().await;
    let (told, address, serving) = another_dashboard().await;
    world.further_secrets.push("CANARY".to_owned());
    world.set("LANDFALL_DASHBOARD_POST", &address);
    world.run(&["deploy-lambda"]).await.expect(0);
    let ran = world.run(&["update-version-dashboard"]).await.expect(0);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let (origin, _) = address.split_once("/hooks").expect("an address");
    assert_eq!(ran.report()["config"]["post"], origin, "the rest of the address is a secret");

    // What a rollback brings back is told by the pages that are drawn after it.
    world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0);
    let ran = world.run(&["dashboard", "build", "--dry-run"]).await.expect(0);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert_eq!(told.lock().expect("not poisoned").len(), 1, "a dry run tells nobody");
    world.run(&["dashboard", "build"]).await.expect(0);
    let rolled_back: Vec<Value> = {
        let bodies = told.lock().expect("not poisoned");
        let here = bodies.iter().filter(|body| body["environment"] == "stg_eu00");
        here.map(|body| body["functions"][0]["rolledBack"].clone()).collect()
    };
    assert_eq!(rolled_back, [Value::Bool(false), Value::Bool(true)]);

    // Nobody listens there any more: that is a warning, and the pages are drawn.
    serving.abort();
    let _ = serving.await;
    let ran = world.run(&["update-version-dashboard"]).await.expect(0);
    let warnings = ran.report()["warnings"].to_string();
    assert!(warnings.contains("was not told of stg_eu00") && warnings.contains(origin), "{warnings}");
    assert!(world.sandbox.journal().of(Service::Foreign).is_empty());
}
