//! What becomes of notifications, over a folder and over S3, with servers that are well, dead, slow and final.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Actor, Digest, Notification, QueuedNotification, Settings, TargetName};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_ledger::Ledger;
use landfall_notify::{News, Secrets, Sender, test_notification};
use landfall_run::{Clock, RetryPolicy, Run};
use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What};
use landfall_secret::{Redactor, Secret};
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Delivered, Mark, Queue, Senders, fresh_id, tell};

const NOW: OffsetDateTime = datetime!(2025-11-19 15:22:00 UTC);
const BUCKET: &str = "acme-ledger";

#[derive(Clone)]
enum Place {
    Folder(Arc<TempDir>),
    S3(Arc<Sandbox>),
}

impl Place {
    async fn both() -> [Self; 2] {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        sandbox.s3.create_bucket(BUCKET);
        [Self::Folder(Arc::new(tempfile::tempdir().expect("a folder"))), Self::S3(Arc::new(sandbox))]
    }

    fn ledger(&self) -> Ledger {
        match self {
            Self::Folder(folder) => {
                Ledger::unchecked(folder.path().join("app"), Ledger::reader(), Clock::fixed(NOW))
            }
            Self::S3(sandbox) => {
                let keys = sandbox.static_keys();
                let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
                let endpoints = Endpoints { s3: Some(sandbox.url(Service::S3)), ..Endpoints::default() };
                let http = Http::new(HttpConfig::default()).expect("a client");
                let config =
                    AwsConfig::new(&sandbox.options().region, keys, endpoints, http).expect("usable");
                let place = format!("s3://{BUCKET}/app").parse().expect("a place");
                Ledger::unchecked_s3(&config, &place, None, run(NOW), Ledger::reader()).expect("a ledger")
            }
        }
    }
}

fn run(now: OffsetDateTime) -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().clock(Clock::fixed(now)).redactor(Redactor::new()).retry_policy(quick).build()
}

/// A server that answers so, and the address of one of its webhooks.
async fn server(status: u16) -> (MockServer, String) {
    let server = MockServer::start().await;
    Mock::given(path("/hook/CANARY0123456789"))
        .respond_with(ResponseTemplate::new(status))
        .mount(&server)
        .await;
    let url = format!("{}/hook/CANARY0123456789", server.uri());
    (server, url)
}

fn senders(targets: &[(&str, Option<&str>)]) -> Senders {
    let http = Http::new(HttpConfig::default()).expect("a client");
    let sender = |(name, url): &(&str, Option<&str>)| {
        let text = format!("[notify.{name}]\nkind = \"webhook\"\nurl_variable = \"URL\"\n");
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        let (name, target) = settings.notify.into_iter().next().expect("one");
        let secrets = Secrets::of(&name, &target, |_| *url);
        let sender = secrets.and_then(|secrets| Sender::new(&http, &name, &target, &secrets));
        (name, sender)
    };
    targets.iter().map(sender).collect::<BTreeMap<_, _>>()
}

fn news(target: &str) -> (TargetName, Notification) {
    let target: TargetName = target.parse().expect("a name");
    let actor = Actor { name: "ada".into(), source: "USER".into() };
    (target.clone(), test_notification(&target, NOW, actor, fresh_id()))
}

async fn arrived(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.expect("recorded");
    let id = |request: &wiremock::Request| Notification::parse(&request.body, "body").expect("the format").id;
    requests.iter().map(id).collect()
}

/// The queue as people see it: state, target and code of each; the address stands nowhere in it.
async fn queued(ledger: &Ledger) -> Vec<String> {
    let all = Queue::of(ledger).all().await.expect("read");
    let line = |one: &super::Waiting| {
        let queued: &QueuedNotification = one.queued.as_ref().expect("whole");
        assert!(!String::from_utf8_lossy(&queued.to_bytes()).contains("CANARY"));
        let state = if one.name.is_refused { "refused" } else { "waits" };
        format!("{state} {} {}", queued.target, queued.problem.code)
    };
    all.iter().map(line).collect()
}

fn quiet(delivered: &Delivered) -> &Delivered {
    assert!(!delivered.warnings.iter().any(|warning| warning.contains("CANARY")), "{:?}", delivered.warnings);
    delivered
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_waits_and_goes_first_next_time() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let (down, url) = server(503).await;
        let (well, other) = server(200).await;
        let both = senders(&[("chat", Some(&url)), ("audit", Some(&other))]);
        let new = vec![news("chat"), news("audit")];
        let (waits, arrives) = (new[0].1.id.clone(), new[1].1.id.clone());
        let delivered = tell(new, &both, Some(&ledger), &run(NOW)).await;
        assert_eq!((delivered.new, delivered.lost, delivered.warnings.len()), (1, 0, 1), "{delivered:?}");
        insta::allow_duplicates!(
            insta::assert_snapshot!(quiet(&delivered).warnings[0], @"the notification of test waits in the queue: LF-NOTIFY-STATUS: chat answered 503; try: wait for the next run that notifies, or run landfall notify send")
        );
        assert_eq!(arrived(&well).await, [arrives]);
        assert_eq!(queued(&ledger).await, ["waits chat LF-NOTIFY-STATUS"]);

        // It is down still: what waits is tried, and the new one waits behind it without being sent.
        let second = news("chat");
        let second_id = second.1.id.clone();
        let delivered = tell(vec![second], &both, Some(&ledger), &run(NOW)).await;
        assert_eq!((delivered.waited, delivered.warnings.len()), (0, 1), "{delivered:?}");
        assert_eq!(arrived(&down).await, [waits.clone(), waits.clone()]);
        assert_eq!(queued(&ledger).await.len(), 2);

        // A run of a job that lacks the variable leaves them alone, and keeps its own.
        let without = senders(&[("chat", None), ("audit", Some(&other))]);
        let delivered = tell(vec![news("chat")], &without, Some(&ledger), &run(NOW)).await;
        assert!(quiet(&delivered).warnings[0].contains("LF-NOTIFY-VARIABLE"), "{delivered:?}");
        assert_eq!(queued(&ledger).await.len(), 3);

        // Well again: all arrive, the queue is empty, and nothing is told twice.
        down.reset().await;
        Mock::given(path("/hook/CANARY0123456789"))
            .respond_with(ResponseTemplate::new(200))
            .mount(&down)
            .await;
        let last = news("chat");
        let last_id = last.1.id.clone();
        let delivered = tell(vec![last], &both, Some(&ledger), &run(NOW)).await;
        assert_eq!((delivered.new, delivered.waited, delivered.warnings.len()), (1, 3, 0), "{delivered:?}");
        let ids = arrived(&down).await;
        assert_eq!(ids.len(), 4);
        assert!(ids.contains(&waits) && ids.contains(&second_id) && ids[3] == last_id);
        assert!(queued(&ledger).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_or_too_old_stays_and_is_never_tried_again() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let (gone, url) = server(410).await;
        let (down, other) = server(500).await;
        let both = senders(&[("chat", Some(&url)), ("audit", Some(&other))]);
        let delivered = tell(vec![news("chat"), news("audit")], &both, Some(&ledger), &run(NOW)).await;
        assert_eq!(quiet(&delivered).warnings.len(), 2);
        let kept = ["refused chat LF-NOTIFY-STATUS", "waits audit LF-NOTIFY-STATUS"];
        let mut found = queued(&ledger).await;
        found.sort();
        assert_eq!(found, kept);

        let later = NOW + Duration::from_secs(25 * 3600);
        tell(Vec::new(), &both, Some(&ledger), &run(later)).await;
        assert_eq!((arrived(&gone).await.len(), arrived(&down).await.len()), (1, 1));
        // One that waits and is then refused is kept under its new name alone.
        let refuses = senders(&[("audit", Some(&url))]);
        let delivered = tell(Vec::new(), &refuses, Some(&ledger), &run(NOW)).await;
        assert!(quiet(&delivered).warnings[0].contains("is not tried again"), "{delivered:?}");
        let all = Queue::of(&ledger).all().await.expect("read");
        assert!(all.len() == 2 && all.iter().all(|one| one.name.is_refused));
        for one in &all {
            Queue::of(&ledger).drop(&one.name).await.expect("dropped");
        }
        assert!(queued(&ledger).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_queue_twenty_are_tried_and_foreign_objects_are_left_alone() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let nobody = senders(&[("chat", None)]);
        let many: Vec<_> = (0..25).map(|_| news("chat")).collect();
        tell(many, &nobody, Some(&ledger), &run(NOW)).await;
        let drawer = ledger.drawer("notify-queue");
        let odd = format!("20251119T152200Z-{}-chat.json", "f".repeat(32));
        for name in ["README", odd.as_str()] {
            drawer.put(name, b"{}".to_vec()).await.expect("put");
        }
        let (well, url) = server(200).await;
        let delivered = tell(Vec::new(), &senders(&[("chat", Some(&url))]), Some(&ledger), &run(NOW)).await;
        assert_eq!((delivered.waited, arrived(&well).await.len()), (20, 20));
        let all = Queue::of(&ledger).all().await.expect("read");
        assert_eq!((all.len(), all.iter().filter(|one| one.queued.is_err()).count()), (6, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down_keeps_no_other_waiting() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let nobody = senders(&[("chat", None), ("audit", None)]);
        let many: Vec<_> = (0..25).map(|_| news("audit")).collect();
        tell(many, &nobody, Some(&ledger), &run(NOW)).await;
        let later = run(NOW + Duration::from_secs(60));
        let waits = news("chat");
        let id = waits.1.id.clone();
        tell(vec![waits], &nobody, Some(&ledger), &later).await;
        let ((down, url), (well, other)) = (server(503).await, server(200).await);
        let both = senders(&[("audit", Some(&url)), ("chat", Some(&other))]);
        let delivered = tell(Vec::new(), &both, Some(&ledger), &later).await;
        assert_eq!((delivered.waited, arrived(&well).await), (1, vec![id]), "{delivered:?}");
        assert_eq!(arrived(&down).await.len(), 1, "behind one that waits no other is tried");
        assert_eq!(queued(&ledger).await.len(), 25);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_waits_behind_those_that_are_not_tried_yet() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let nobody = senders(&[("chat", None)]);
        let many: Vec<_> = (0..30).map(|_| news("chat")).collect();
        tell(many, &nobody, Some(&ledger), &run(NOW)).await;
        let (well, url) = server(200).await;
        let chat = senders(&[("chat", Some(&url))]);
        let later = run(NOW + Duration::from_secs(60));
        let new = news("chat");
        let id = new.1.id.clone();
        let delivered = tell(vec![new], &chat, Some(&ledger), &later).await;
        assert_eq!((delivered.waited, delivered.new, delivered.lost), (20, 0, 0), "{delivered:?}");
        insta::allow_duplicates!(
            insta::assert_snapshot!(quiet(&delivered).warnings[0], @"the notification of test waits in the queue: LF-NOTIFY-LATE: chat was not told: one before it waits; try: wait for the next run that notifies, or run landfall notify send")
        );
        assert!(!arrived(&well).await.contains(&id));
        tell(Vec::new(), &chat, Some(&ledger), &later).await;
        let ids = arrived(&well).await;
        assert_eq!((ids.len(), ids.last()), (31, Some(&id)), "it came last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_sees_what_waits_the_new_one_waits_too_or_goes_out_of_turn() {
    let [_, place] = Place::both().await;
    let Place::S3(sandbox) = &place else { panic!("it is S3") };
    let (well, url) = server(200).await;
    let chat = senders(&[("chat", Some(&url))]);
    let hidden = || Fault::new(What::status(503)).on(Service::S3);
    sandbox.faults().add(hidden().matching("list-type=2").every());
    let new = news("chat");
    let id = new.1.id.clone();
    let delivered = tell(vec![new], &chat, Some(&place.ledger()), &run(NOW)).await;
    assert_eq!((delivered.new, delivered.lost, delivered.warnings.len()), (0, 0, 2), "{delivered:?}");
    sandbox.faults().clear();
    let delivered = tell(Vec::new(), &chat, Some(&place.ledger()), &run(NOW)).await;
    assert_eq!((delivered.waited, arrived(&well).await), (1, vec![id]), "{delivered:?}");
    // Where it cannot be kept either it is told after all.
    sandbox.faults().add(hidden().every());
    let delivered = tell(vec![news("chat")], &chat, Some(&place.ledger()), &run(NOW)).await;
    assert_eq!((delivered.new, delivered.lost, arrived(&well).await.len()), (1, 0, 2), "{delivered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_lose_nothing() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let nobody = senders(&[("chat", None)]);
        let mut all: Vec<String> = Vec::new();
        for _ in 0..5 {
            let new = news("chat");
            all.push(new.1.id.clone());
            tell(vec![new], &nobody, Some(&ledger), &run(NOW)).await;
        }
        let (well, url) = server(200).await;
        let one = senders(&[("chat", Some(&url))]);
        let (ledgers, runs) = ([place.ledger(), place.ledger()], [run(NOW), run(NOW)]);
        let (first, second) = tokio::join!(
            tell(Vec::new(), &one, Some(&ledgers[0]), &runs[0]),
            tell(Vec::new(), &one, Some(&ledgers[1]), &runs[1])
        );
        assert!(first.warnings.is_empty() && second.warnings.is_empty(), "{first:?} {second:?}");
        let ids = arrived(&well).await;
        assert!(all.iter().all(|id| ids.contains(id)), "each arrived once at least");
        assert!(queued(&ledger).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_kept_the_loss_is_said() {
    let (_down, url) = server(500).await;
    let one = senders(&[("chat", Some(&url))]);
    let delivered = tell(vec![news("chat")], &one, None, &run(NOW)).await;
    assert_eq!(delivered.lost, 1);
    insta::assert_snapshot!(quiet(&delivered).warnings[0], @"the notification of test is lost: LF-NOTIFY-STATUS: chat answered 500; it is not kept either: there is no ledger that it could wait beside");
    // A ledger that refuses everything, and one whose queue can be read and not be written.
    let [_, place] = Place::both().await;
    let Place::S3(sandbox) = &place else { panic!("it is S3") };
    sandbox.faults().add(Fault::new(What::status(403)).on(Service::S3).every());
    let delivered = tell(vec![news("chat")], &one, Some(&place.ledger()), &run(NOW)).await;
    assert_eq!((delivered.lost, delivered.warnings.len()), (1, 2), "{delivered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_stands_for_the_same_things_in_any_order() {
    for place in Place::both().await {
        let ledger = place.ledger();
        let (release, environment) = ("v1.4.0".parse().ok(), "prod_eu00".parse().ok());
        let at = |missing: &[&str], plan: &str, decision| {
            let missing: Vec<String> = missing.iter().map(|one| (*one).to_owned()).collect();
            let news = News::Waits { missing, plan: Digest::of(plan.as_bytes()), decision };
            Mark::of(release.as_ref(), environment.as_ref(), &news).expect("it waits")
        };
        let of = |missing: &[&str]| at(missing, "plan", Some(7));
        let mark = of(&["approval of qa-lead", "freeze"]);
        assert!(!mark.stands(&ledger).await);
        for _ in 0..2 {
            mark.make(&ledger).await;
        }
        assert!(of(&["freeze", "approval of qa-lead"]).stands(&ledger).await);
        assert!(!of(&["approval of qa-lead"]).stands(&ledger).await);
        // It lacks the same, since what was decided counts no more, or something else is to come.
        for (plan, decision) in [("plan", None), ("plan", Some(8)), ("another", Some(7))] {
            assert!(!at(&["approval of qa-lead", "freeze"], plan, decision).stands(&ledger).await);
        }
        let waits = News::Waits { missing: vec!["freeze".into()], plan: Digest::of(b"plan"), decision: None };
        let of_nothing = Mark::of(None, environment.as_ref(), &waits).expect("it waits");
        assert!(!of_nothing.stands(&ledger).await);
        assert_eq!(Mark::of(None, None, &News::Died { reason: "slow".into() }), None);
    }
}
