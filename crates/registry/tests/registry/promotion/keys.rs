//! Refusals that are explained: by what Artifactory says, and by what the repository keys stand for.

use landfall_artifacts::{Explain as _, Problem};
use landfall_registry::{Error, PromoteRequest, Unfit};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{PROMOTE, SOURCE, TARGET, answers, artifactory, digest, knowing_run, promote, request, shows};
use crate::server::BASIC;

async fn refusing(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    shows(&server, TARGET, None, None).await;
    answers(&server, answer, 100, 1).await;
    server
}

fn said(status: u16, text: &str) -> ResponseTemplate {
    let body = json!({"errors": [{"status": status, "message": text}]});
    ResponseTemplate::new(status).set_body_json(body)
}

async fn configured(server: &MockServer, key: &str, configuration: Value) {
    Mock::given(method("GET"))
        .and(path(format!("/artifactory/api/repositories/{key}")))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(200).set_body_json(configuration))
        .mount(server)
        .await;
}

fn told(error: &Error) -> String {
    let problem = Problem::of(error);
    format!("{} {}\n  next: {}", problem.code, problem.told(), problem.remedy.unwrap_or_default())
}

#[tokio::test]
async fn each_refusal_says_what_artifactory_said_and_what_to_do() {
    let mut pages = Vec::new();
    for (status, text) in [
        (400, "Unsupported V2 repository request for 'docker-rc'"),
        (401, "Bad credentials canary-password"),
        (403, "No permission to write to the target repository 'docker-rc'.\u{1b}[2J Promotion aborted"),
        (404, "Unable to find docker image 'ns/orderService/1.4.2', request aborted"),
        (409, "Conflict"),
    ] {
        let server = refusing(said(status, text)).await;
        pages.push(told(&promote(&server, &request()).await.expect_err("refused")));
    }
    let way = "docker-build/ns/orderService:1.4.2 to docker-rc/ns/orderService:1.4.2";
    let expected = [
        "LF-ART-PROMOTE Artifactory answered 400 to the promotion of [way]: Unsupported V2 repository request for 'docker-rc'
  next: look whether source and target are two local (not virtual) Docker repositories",
        "LF-ART-PROMOTE Artifactory answered 401 to the promotion of [way]: Bad credentials <redacted>
  next: renew ARTIFACTORY_USER and ARTIFACTORY_PASS, or ARTIFACTORY_TOKEN",
        "LF-ART-PROMOTE Artifactory answered 403 to the promotion of [way]: No permission to write to the target repository 'docker-rc'.\\u{1b}[2J Promotion aborted
  next: give the Artifactory user deploy on the target, and delete where tags are overwritten",
        "LF-ART-PROMOTE Artifactory answered 404 to the promotion of [way]: Unable to find docker image 'ns/orderService/1.4.2', request aborted
  next: check both repository keys, and that the image was pushed to the source",
        "LF-ART-PROMOTE Artifactory answered 409 to the promotion of [way]: Conflict
  next: find out what else writes this tag; running again looks first what is there",
    ];
    let pages: Vec<String> = pages.iter().map(|page| page.replace(way, "[way]")).collect();
    assert_eq!(pages, expected);
}

#[tokio::test]
async fn a_virtual_key_is_named_with_the_local_one_behind_it() {
    for status in [400, 403, 404] {
        let server = refusing(said(status, "no")).await;
        let rc = json!({"key": "docker-rc", "rclass": "virtual", "packageType": "docker",
            "repositories": ["docker-rc-local", "docker-hub"], "defaultDeploymentRepo": "docker-rc-local"});
        configured(&server, "docker-rc", rc).await;
        configured(&server, "docker-build", json!({"rclass": "local", "packageType": "docker"})).await;
        configured(&server, "docker-rc-local", json!({"rclass": "local", "packageType": "docker"})).await;
        configured(&server, "docker-hub", json!({"rclass": "remote", "packageType": "docker"})).await;
        let error = promote(&server, &request()).await.expect_err("refused");
        let expected = format!(
            "LF-ART-KEY Artifactory promotes from one local Docker repository to another, and `docker-rc` is a virtual repository, which shows docker-rc-local: Artifactory answered {status} to the promotion of docker-build/ns/orderService:1.4.2 to docker-rc/ns/orderService:1.4.2: no\n  next: give `docker-rc-local` in place of `docker-rc`: that is where pushes to `docker-rc` go"
        );
        assert_eq!((told(&error), error.http_status()), (expected, Some(status)));
    }
}

#[tokio::test]
async fn what_is_told_to_those_who_are_no_administrators_is_enough_to_say_that_a_key_is_virtual() {
    let server = refusing(said(404, "no")).await;
    configured(&server, "docker-build", json!({"key": "docker-build", "type": "VIRTUAL"})).await;
    configured(&server, "docker-rc", json!({"rclass": "federated", "packageType": "Docker"})).await;
    let error = promote(&server, &request()).await.expect_err("refused");
    let Error::PromotionKeys { keys, .. } = &error else { panic!("{error:?}") };
    assert_eq!((keys.len(), keys[0].key.as_str()), (1, "docker-build"), "a federated repository is fine");
    assert_eq!(keys[0].why, Unfit::Virtual { local: Vec::new(), deploys_to: None });
}

#[tokio::test]
async fn keys_are_asked_for_once_and_hostile_answers_add_nothing() {
    let server = MockServer::start().await;
    let odd = [json!([1, 2]), json!("virtual"), json!({"rclass": 7}), json!({"rclass": "local"}), json!({})];
    for (number, body) in odd.into_iter().enumerate() {
        configured(&server, &format!("k{number}"), body).await;
    }
    configured(&server, "evil", json!({"rclass": "\u{1b}[2Jcanary-password", "packageType": 3})).await;
    configured(&server, "loop", json!({"rclass": "virtual", "repositories": ["loop", 7, null, "evil"]}))
        .await;
    configured(&server, "npm", json!({"rclass": "local", "packageType": "npm"})).await;
    let (artifactory, run) = (artifactory(&server), knowing_run());
    let keys = ["k0", "k1", "k2", "k3", "k4", "nothing", "../system/ping", "evil", "loop", "npm"];
    for _ in 0..2 {
        let unfit = artifactory.unfit_keys(&keys, &run).await;
        let shown: Vec<String> = unfit.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["`loop` is a virtual repository", "`npm` is for npm packages"]);
    }
    let asked = server.received_requests().await.unwrap_or_default();
    assert_eq!(asked.len(), keys.len() - 1, "each once, and none above the address");
}

#[tokio::test]
async fn one_place_under_two_keys_is_no_promotion() {
    let server = MockServer::start().await;
    let same = PromoteRequest { target_key: "docker-build".to_owned(), ..request() };
    let error = promote(&server, &same).await.expect_err("one place");
    assert_eq!(error.code(), "LF-ART-SAME");
    assert!(server.received_requests().await.is_some_and(|asked| asked.is_empty()));
    let retagged = PromoteRequest { target_tag: "1.4.2-rc".parse().expect("a tag"), ..same };
    let target = "/artifactory/api/docker/docker-build/v2/ns/orderService/manifests/1.4.2-rc";
    shows(&server, SOURCE, Some(digest()), None).await;
    shows(&server, target, None, Some(2)).await;
    shows(&server, target, Some(digest()), None).await;
    Mock::given(method("POST"))
        .and(path(PROMOTE))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    promote(&server, &retagged).await.expect("another tag below the same key is another place");
}
