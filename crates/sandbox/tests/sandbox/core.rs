//! Journal and faults.

use std::process::{Child, Command};
use std::time::Duration;

use http::Method;
use landfall_sandbox::{Entry, Fault, Sandbox, Service, What};

use crate::client::{basic, ecr_login, send, start};

/// Begins an upload at ECR: an effect that can be seen.
async fn upload(sandbox: &Sandbox) -> Option<crate::client::Answer> {
    let url = format!("{}/v2/app/blobs/uploads/", sandbox.url(Service::EcrRegistry));
    send("POST", &url, &[("authorization", &ecr_login(sandbox))], "some body").await
}

#[tokio::test]
async fn requests_are_numbered_over_all_services_and_within_each() {
    let sandbox = start().await;
    let foreign = sandbox.url(Service::Foreign);
    upload(&sandbox).await.unwrap();
    let login = basic("someone", "canary-password");
    let answer =
        send("PUT", &format!("{foreign}/a?b=c"), &[("authorization", &login)], "hello").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{\"foreign\":true}"));
    upload(&sandbox).await.unwrap();
    let entries = sandbox.journal().entries();
    let numbers: Vec<_> = entries.iter().map(|entry| (entry.global, entry.service, entry.number)).collect();
    assert_eq!(
        numbers,
        [(1, Service::EcrRegistry, 1), (2, Service::Foreign, 1), (3, Service::EcrRegistry, 2)]
    );
    let entry = &entries[1];
    assert_eq!((entry.method.as_str(), entry.target.as_str(), entry.body_len), ("PUT", "/a?b=c", 5));
    assert_eq!((entry.auth_scheme.as_deref(), entry.authorization()), (Some("Basic"), Some(login.as_str())));
    assert!(entry.effect && entry.status == Some(200) && entry.carries("hello") && entry.carries(&login));
    assert!(!format!("{entries:?}").contains("canary") && !format!("{entries:?}").contains(&login[6..]));
    assert_eq!(sandbox.journal().matching(&Method::PUT, "/a").len(), 1);
}

#[tokio::test]
async fn a_status_is_answered_without_asking_the_service_and_only_once() {
    let sandbox = start().await;
    let what = What::status(503).header("retry-after", "7").body("busy");
    sandbox.faults().add(Fault::new(what).on(Service::EcrRegistry).nth(2));
    assert_eq!(upload(&sandbox).await.unwrap().status, 202);
    let answer = upload(&sandbox).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after"), answer.text().as_str()),
        (503, "7", "busy")
    );
    assert_eq!(upload(&sandbox).await.unwrap().status, 202);
    assert_eq!(sandbox.ecr_registry.open_uploads(), 2);
    let entry = sandbox.journal().entries().remove(1);
    assert!(!entry.effect && entry.status == Some(503) && entry.fault.is_some());
}

#[tokio::test]
async fn cuts_and_lost_answers_differ_by_their_effect() {
    let sandbox = start().await;
    for (what, effects) in [(What::CutBefore, 0), (What::CutRequestAfter(4), 0), (What::LoseAnswer, 1)] {
        let before = sandbox.ecr_registry.open_uploads();
        sandbox.faults().add(Fault::new(what.clone()));
        assert!(upload(&sandbox).await.is_none(), "{what:?}");
        assert_eq!(sandbox.ecr_registry.open_uploads() - before, effects, "{what:?}");
        let entry = sandbox.journal().entries().pop().unwrap();
        assert_eq!((entry.status, entry.effect), (None, effects == 1), "{what:?}");
    }
    assert_eq!(sandbox.journal().entries()[1].body_len, 4);
}

#[tokio::test]
async fn a_body_is_cut_after_as_many_bytes_as_told() {
    let sandbox = start().await;
    let digest = sandbox.ecr_registry.put_blob("app", vec![7; 100_000].into());
    let address = format!("{}/v2/app/blobs/{digest}", sandbox.url(Service::EcrRegistry));
    for count in [0, 1, 50_000] {
        let hop = send("GET", &address, &[("authorization", &ecr_login(&sandbox))], "").await.unwrap();
        sandbox.faults().add(Fault::new(What::CutAfterBytes(count)).on(Service::Storage));
        let answer = send("GET", hop.header("location"), &[], "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, "100000"));
        assert_eq!((answer.whole, answer.body.len() as u64), (false, count));
    }
}

/// Starts an upload and hangs up as soon as the journal's newest entry is as wanted.
async fn hang_up_when(sandbox: &Sandbox, number: usize, wanted: impl Fn(&Entry) -> bool) {
    let watch = async {
        while !sandbox.journal().entries().get(number - 1).is_some_and(&wanted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = upload(sandbox) => panic!("an answer came before its time"),
        () = watch => {}
    }
}

#[tokio::test]
async fn a_delayed_answer_keeps_its_effect_and_a_delayed_request_has_none() {
    let sandbox = start().await;
    let long = Duration::from_secs(3600);
    sandbox.faults().add(Fault::new(What::DelayAnswer(long)));
    hang_up_when(&sandbox, 1, |entry| entry.effect).await;
    assert_eq!(sandbox.ecr_registry.open_uploads(), 1);
    sandbox.faults().add(Fault::new(What::Delay(long)));
    hang_up_when(&sandbox, 2, |entry| entry.fault.is_some()).await;
    upload(&sandbox).await.unwrap();
    assert_eq!(sandbox.ecr_registry.open_uploads(), 2);
    assert!(!sandbox.journal().entries()[1].effect);
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

fn was_killed(mut child: Child) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    child.wait().unwrap().signal() == Some(9)
}

#[tokio::test]
async fn the_child_is_killed_before_or_after_the_effect() {
    let sandbox = start().await;
    for (what, effects) in [(What::KillBefore, 0), (What::KillAfter, 1)] {
        let before = sandbox.ecr_registry.open_uploads();
        sandbox.faults().add(Fault::new(what));
        let child = sleeper();
        // The request comes before the harness has named the child.
        let (answer, ()) = tokio::join!(upload(&sandbox), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sandbox.set_child(child.id());
        });
        assert!(answer.is_none());
        assert!(was_killed(child));
        assert_eq!(sandbox.ecr_registry.open_uploads() - before, effects);
    }
}

#[tokio::test]
async fn stopping_closes_every_port() {
    let sandbox = start().await;
    let host = sandbox.host(Service::Jira);
    let mut idle = tokio::net::TcpStream::connect(&host).await.unwrap();
    sandbox.stop().await;
    assert!(tokio::net::TcpStream::connect(&host).await.is_err());
    let mut buffer = [0; 1];
    assert!(matches!(tokio::io::AsyncReadExt::read(&mut idle, &mut buffer).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_secrets_and_no_debug_shows_them() {
    let (one, other) = (start().await, start().await);
    assert_eq!(one.env()["VAULT_SECRET_ID"], other.env()["VAULT_SECRET_ID"]);
    let shown = format!("{one:?} {:?} {:?}", one.issued, one.artifactory_access());
    for secret in one.secret_values() {
        assert!(!shown.contains(&secret));
    }
    assert!(one.secret_values().contains(&one.env()["ARTIFACTORY_PASS"]));
}
