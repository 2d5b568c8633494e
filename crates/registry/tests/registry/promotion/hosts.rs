//! Repository keys with hosts of their own: the subdomain and port methods.

use std::collections::BTreeMap;

use landfall_artifacts::Explain as _;
use landfall_registry::{Artifactory, Error, PromotedHow};
use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{answers, artifactory, digest, request, shows};
use crate::server::{BASIC, run};

const IMAGE: &str = "/v2/ns/orderService/manifests/1.4.2";
const TOKEN: &str = "/artifactory/api/docker/docker-rc/v2/token";

fn host(server: &MockServer) -> String {
    server.address().to_string()
}

fn with_hosts(server: &MockServer, hosts: &[(&str, &MockServer)]) -> Artifactory {
    let hosts: BTreeMap<String, String> =
        hosts.iter().map(|(key, of)| ((*key).to_owned(), host(of))).collect();
    artifactory(server).with_docker_hosts(hosts)
}

/// Shows nothing without the token that `realm` gives.
async fn guarded(server: &MockServer, realm: &str) {
    Mock::given(method("HEAD"))
        .and(path(IMAGE))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(ResponseTemplate::new(404))
        .up_to_n_times(1)
        .mount(server)
        .await;
    let shown =
        ResponseTemplate::new(200).insert_header("docker-content-digest", digest().to_string().as_str());
    Mock::given(method("HEAD"))
        .and(path(IMAGE))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(shown)
        .mount(server)
        .await;
    let challenge = format!("Bearer realm=\"{realm}\",service=\"artifactory\"");
    let refused = ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str());
    Mock::given(method("HEAD")).respond_with(refused).mount(server).await;
}

#[tokio::test]
async fn digests_are_read_at_the_hosts_of_the_keys_and_the_promotion_is_asked_of_artifactory() {
    let (server, build, rc) =
        (MockServer::start().await, MockServer::start().await, MockServer::start().await);
    shows(&build, IMAGE, Some(digest()), None).await;
    guarded(&rc, &format!("{}{TOKEN}", server.uri())).await;
    Mock::given(method("GET"))
        .and(path(TOKEN))
        .and(header("authorization", BASIC))
        .and(query_param("scope", "repository:ns/orderService:pull"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"token": "canary-token"})))
        .expect(1)
        .mount(&server)
        .await;
    answers(&server, ResponseTemplate::new(200), 1, 1).await;
    let artifactory = with_hosts(&server, &[("docker-build", &build), ("docker-rc", &rc)]);
    let done = artifactory.promote(&request(), &run()).await.expect("promoted");
    assert_eq!((done.how, done.digest), (PromotedHow::Promoted, digest()));
    let of_artifactory = server.received_requests().await.unwrap_or_default();
    assert!(
        of_artifactory.iter().all(|one| !one.url.path().contains("/manifests/")),
        "no digest is read there"
    );
}

#[tokio::test]
async fn the_login_goes_to_no_host_that_was_not_configured() {
    let (server, rc, foreign) =
        (MockServer::start().await, MockServer::start().await, MockServer::start().await);
    shows(&server, super::SOURCE, Some(digest()), None).await;
    guarded(&rc, &format!("{}/token", foreign.uri())).await;
    answers(&server, ResponseTemplate::new(200), 1, 0).await;
    let artifactory = with_hosts(&server, &[("docker-rc", &rc)]);
    let error = artifactory.promote(&request(), &run()).await.expect_err("a foreign token server");
    assert_eq!(error.code(), "LF-HTTP-FOREIGN", "{error:?}");
    assert!(foreign.received_requests().await.is_some_and(|asked| asked.is_empty()));
}

#[tokio::test]
async fn two_keys_at_one_host_would_look_promoted_and_are_refused() {
    let (server, both) = (MockServer::start().await, MockServer::start().await);
    shows(&both, IMAGE, Some(digest()), None).await;
    let artifactory = with_hosts(&server, &[("docker-build", &both), ("docker-rc", &both)]);
    let error = artifactory.promote(&request(), &run()).await.expect_err("one place");
    assert!(matches!(error, Error::PromotionSamePlace { .. }), "{error:?}");
    assert!(both.received_requests().await.is_some_and(|asked| asked.is_empty()));
}
