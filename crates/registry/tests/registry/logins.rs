//! The chain of sources that logins come from.

use landfall_artifacts::{DockerConfig, Explain as _, FileError};
use landfall_registry::{Error, Finds, LoginChain, LoginSource, LoginStep, Verdict};
use landfall_secret::Secret;
use proptest::prelude::*;
use time::OffsetDateTime;

use crate::helpers::helpers;
use crate::server::run;

const HOST: &str = "art.example.com:8443";
const ECR: &str = "123456789012.dkr.ecr.eu-west-2.amazonaws.com";

fn config(text: &str) -> DockerConfig {
    DockerConfig::parse(text.as_bytes(), "x").expect("valid")
}

fn source(name: &str, text: &str) -> LoginSource {
    LoginSource::of(name, config(text))
}

fn with_login(name: &str, host: &str, password: &str) -> LoginSource {
    let mut config = DockerConfig::new();
    config.set_login(host, "bot", Secret::new(password)).expect("a login");
    LoginSource::of(name, config)
}

fn chain(sources: impl IntoIterator<Item = LoginSource>) -> LoginChain {
    LoginChain::new(sources, helpers(&[]))
}

fn unreadable(name: &str) -> LoginSource {
    LoginSource::unreadable(name, FileError::Empty { path: name.into() })
}

fn told(steps: &[LoginStep]) -> String {
    let line = |step: &LoginStep| format!("{:<10} {:<8} {}", step.verdict.word(), step.source, step.finds);
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn explained(chain: &LoginChain, host: &str) -> String {
    told(&chain.explain(host, false, OffsetDateTime::UNIX_EPOCH))
}

/// Source, kind and value of what is found.
async fn found(chain: &LoginChain, host: &str) -> Option<(String, &'static str, String)> {
    let found = chain.login_for(host, &run()).await.expect("no problem")?;
    Some((found.source, found.finds.kind(), found.login.secret().expose().to_owned()))
}

#[tokio::test]
async fn the_first_source_with_a_login_for_the_host_decides() {
    let chain = chain([
        LoginSource::missing("a"),
        source(
            "b",
            r#"{"auths":{"art.example.com":{"auth":"dTpw"},"other.example.com:8443":{"auth":"dTpw"}}}"#,
        ),
        with_login("c", HOST, "canary-c"),
        source("d", r#"{"auths":{"https://art.example.com:8443/v2/":{"identitytoken":"canary-d"}}}"#),
    ]);
    let expected = Some(("c".to_owned(), "password", "canary-c".to_owned()));
    assert_eq!(found(&chain, HOST).await, expected);
    assert_eq!(found(&chain, "nowhere.example.com").await, None);
    insta::assert_snapshot!(explained(&chain, HOST), @r"
    none       a        not there
    none       b        no entry
    used       c        password, entry `auths/art.example.com:8443`
    shadowed   d        identity token, entry `auths/https://art.example.com:8443/v2/`
    ");
    let named: Vec<_> = chain.named_hosts().into_iter().collect();
    assert_eq!(named, ["art.example.com", HOST, "other.example.com:8443"]);
    assert!(!format!("{chain:?}{:?}", chain.login_for(HOST, &run()).await).contains("canary"));
}

#[tokio::test]
async fn within_a_source_a_helper_comes_first_and_what_is_written_after_it() {
    let written =
        r#""auths":{"known.test":{"auth":"dTpw"},"unknown.test":{"auth":"dTpw"},"off.test":{"auth":"dTpw"}}"#;
    for helper in [
        r#""credHelpers":{"known.test":"fake","unknown.test":"fake","off.test":""},"credsStore":"absent""#,
        r#""credHelpers":{"off.test":""},"credsStore":"fake""#,
    ] {
        let chain = chain([source("a", &format!("{{{written},{helper}}}"))]);
        let kind = |found: Option<(String, &'static str, String)>| found.map(|(_, kind, _)| kind);
        assert_eq!(kind(found(&chain, "known.test").await), Some("helper"), "{helper}");
        assert_eq!(kind(found(&chain, "unknown.test").await), Some("password"), "{helper}");
        assert_eq!(kind(found(&chain, "off.test").await), Some("password"), "{helper}");
    }
}

#[tokio::test]
async fn a_helper_that_knows_nothing_leaves_the_next_source_to_decide() {
    let chain = chain([
        source("a", r#"{"credHelpers":{"unknown.test":"fake"}}"#),
        source("b", r#"{"credsStore":"absent"}"#),
        with_login("c", "unknown.test", "canary"),
        with_login("d", "unknown.test", "canary"),
    ]);
    assert_eq!(found(&chain, "unknown.test").await.map(|(source, ..)| source).as_deref(), Some("c"));
    insta::assert_snapshot!(explained(&chain, "unknown.test"), @r"
    asked      a        helper `fake`, entry `credHelpers/unknown.test`
    asked      b        helper `absent`, entry `credsStore`
    otherwise  c        password, entry `auths/unknown.test`
    shadowed   d        password, entry `auths/unknown.test`
    ");
}

#[tokio::test]
async fn a_helper_of_the_host_must_be_there() {
    let chain = chain([
        source("a", r#"{"credHelpers":{"known.test":"absent"}}"#),
        with_login("b", "known.test", "canary"),
    ]);
    let error = chain.login_for("known.test", &run()).await.expect_err("no such helper");
    assert_eq!((error.code(), error.is_retryable()), ("LF-REG-HELPER", false));
    assert_eq!(error.to_string(), "the credential helper `absent` gave no login for known.test");
}

#[tokio::test]
async fn a_helper_is_asked_once() {
    let home = tempfile::tempdir().expect("a folder");
    let helpers = helpers(&[("HOME", home.path().to_str().expect("a path of letters"))]);
    let chain = LoginChain::new([source("a", r#"{"credsStore":"fake"}"#)], helpers);
    let run = run();
    let asked = (0..4).map(|_| chain.login_for("once.test", &run));
    for found in futures_util::future::join_all(asked).await {
        assert!(found.expect("answered").is_some(), "a second time it fails");
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_in_the_way_of_what_it_may_decide() {
    let chain =
        chain([with_login("a", "a.test", "canary"), unreadable("b"), with_login("c", "c.test", "canary")]);
    assert!(found(&chain, "a.test").await.is_some());
    let error = chain.login_for("c.test", &run()).await.expect_err("it may be in b");
    assert!(matches!(&error, Error::LoginSource { name, .. } if name == "b"), "{error:?}");
    assert_eq!(error.code(), "LF-FILE-EMPTY");
    insta::assert_snapshot!(explained(&chain, "c.test"), @r"
    none       a        no entry
    in-the-way b        cannot be read
    shadowed   c        password, entry `auths/c.test`
    ");
}

#[test]
fn a_file_that_need_not_be_there_is_a_source_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    assert!(
        LoginSource::file("x", &path).config().is_none() && LoginSource::file("x", &path).problem().is_none()
    );
    std::fs::write(&path, "").expect("written");
    assert!(LoginSource::file("x", &path).problem().is_none(), "Docker takes an empty file for none");
    std::fs::write(&path, "{").expect("written");
    assert!(LoginSource::file("x", &path).problem().is_some());
    std::fs::write(&path, r#"{"auths":{"a":{"auth":"dTpw"}}}"#).expect("written");
    assert!(LoginSource::file("x", &path).config().is_some());
}

#[test]
fn hosts_of_ecr_are_known_by_name_or_named() {
    let plain = chain([]);
    let told = plain.clone().with_ecr_host("127.0.0.1:5000");
    assert!(plain.is_ecr(ECR) && !plain.is_ecr("127.0.0.1:5000") && told.is_ecr("127.0.0.1:5000"));
    let now = OffsetDateTime::UNIX_EPOCH;
    assert!(plain.may_need_ecr(ECR, now) && !plain.may_need_ecr(HOST, now));
    assert!(!chain([with_login("a", ECR, "canary")]).may_need_ecr(ECR, now));
    assert!(chain([source("a", r#"{"credsStore":"fake"}"#)]).may_need_ecr(ECR, now));
    assert_eq!(
        self::told(&plain.explain(ECR, true, now)),
        "used       AWS credentials ECR token, to be fetched"
    );
    assert_eq!(self::told(&plain.explain(HOST, true, now)), "");
}

#[test]
fn what_is_told_is_escaped() {
    let chain = chain([source(
        "a",
        "{\"auths\":{\"a.test/\\u202e\":{\"auth\":\"dTpw\"}},\"credsStore\":\"::\\u2066\"}",
    )]);
    let told = explained(&chain, "a.test");
    assert!(told.contains("\\u{202e}") && told.contains("`\\::\\u{2066}`"), "{told}");
}

#[cfg(feature = "ecr")]
mod ecr {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
    use landfall_registry::EcrClient;
    use landfall_secret::Secret;
    use serde_json::json;
    use time::OffsetDateTime;
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::{ECR, HOST, chain, found, source};
    use crate::server::http;

    async fn ecr() -> (MockServer, EcrClient) {
        let server = MockServer::start().await;
        let keys = AwsKeys::new("AKIDEXAMPLE", Secret::new("canary-secret-key"), None);
        let endpoints = Endpoints { ecr: Some(server.uri()), ..Endpoints::default() };
        let config = AwsConfig::new("eu-west-2", keys, endpoints, http()).expect("a configuration");
        let data = json!({"authorizationData": [{
            "authorizationToken": STANDARD.encode("AWS:canary-fresh"),
            "expiresAt": 4_000_000_000.0,
            "proxyEndpoint": format!("https://{ECR}"),
        }]});
        let template =
            ResponseTemplate::new(200).set_body_raw(data.to_string(), "application/x-amz-json-1.1");
        Mock::given(method("POST")).respond_with(template).mount(&server).await;
        (server, EcrClient::new(&config).expect("a client"))
    }

    fn with_ecr_login(host: &str, ends_at: i64) -> super::LoginSource {
        let password = STANDARD.encode(json!({"payload": "canary", "expiration": ends_at}).to_string());
        let auth = STANDARD.encode(format!("AWS:{password}"));
        source("a", &json!({"auths": {host: {"auth": auth}}}).to_string())
    }

    #[tokio::test]
    async fn ecr_is_asked_last_and_for_its_own_hosts_alone() {
        let (server, client) = ecr().await;
        let asked = async || server.received_requests().await.unwrap_or_default().len();
        let none = chain([]).with_ecr(client.clone());
        assert_eq!(found(&none, HOST).await, None);
        assert_eq!(asked().await, 0);
        let (_, kind, password) = found(&none, ECR).await.expect("fetched");
        assert_eq!((kind, password.as_str(), asked().await), ("ecr-token", "canary-fresh", 1));
        let written = chain([super::with_login("a", ECR, "canary")]).with_ecr(client);
        assert_eq!(found(&written, ECR).await.map(|(_, kind, _)| kind), Some("password"));
        assert_eq!(asked().await, 1);
    }

    #[tokio::test]
    async fn a_login_of_ecr_that_is_over_is_passed_over_where_a_new_one_can_be_had() {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let (_server, client) = ecr().await;
        let over = chain([with_ecr_login(ECR, now - 60)]);
        assert_eq!(
            found(&over, ECR).await.map(|(_, kind, _)| kind),
            Some("password"),
            "the registry decides"
        );
        let over = over.with_ecr(client.clone());
        assert_eq!(found(&over, ECR).await.map(|(_, kind, _)| kind), Some("ecr-token"));
        let good = chain([with_ecr_login(ECR, now + 3600)]).with_ecr(client.clone());
        assert_eq!(found(&good, ECR).await.map(|(_, kind, _)| kind), Some("password"));
        let elsewhere = chain([with_ecr_login(HOST, now - 60)]).with_ecr(client);
        assert_eq!(found(&elsewhere, HOST).await.map(|(_, kind, _)| kind), Some("password"));
    }

    #[test]
    fn what_is_over_is_told() {
        let chain = chain([with_ecr_login(ECR, 1_757_147_299)]);
        let at = |second| OffsetDateTime::from_unix_timestamp(second).expect("a time");
        let told = super::told(&chain.explain(ECR, true, at(1_757_147_299)));
        insta::assert_snapshot!(told, @r"
        over       a        password until 2025-09-06T08:28:19Z, entry `auths/123456789012.dkr.ecr.eu-west-2.amazonaws.com`
        used       AWS credentials ECR token, to be fetched
        ");
        let told = super::told(&chain.explain(ECR, true, at(1_757_147_298)));
        insta::assert_snapshot!(told, @r"
        used       a        password until 2025-09-06T08:28:19Z, entry `auths/123456789012.dkr.ecr.eu-west-2.amazonaws.com`
        shadowed   AWS credentials ECR token, to be fetched
        ");
    }
}

/// A source that is made of what is drawn: nothing, a login, a token, a helper that knows the host or not.
fn drawn(kinds: &[u8]) -> Vec<LoginSource> {
    let one = |(at, kind): (usize, &u8)| {
        let name = format!("s{at}");
        match kind {
            0 => LoginSource::missing(name),
            1 => source(&name, r#"{"auths":{"other.test":{"auth":"dTpw"}}}"#),
            2 => with_login(&name, "known.test", "canary"),
            3 => source(&name, r#"{"auths":{"https://known.test":{"identitytoken":"canary"}}}"#),
            4 => unreadable(&name),
            5 => source(&name, r#"{"credsStore":"absent"}"#),
            _ => source(&name, r#"{"credsStore":"absent","auths":{"known.test":{"auth":"dTpw"}}}"#),
        }
    };
    kinds.iter().enumerate().map(one).collect()
}

proptest! {
    #[test]
    fn what_is_explained_is_what_is_done(kinds in proptest::collection::vec(0u8..7, 0..6)) {
        let chain = chain(drawn(&kinds));
        let steps = chain.explain("known.test", false, OffsetDateTime::UNIX_EPOCH);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let done = runtime.block_on(chain.login_for("known.test", &run()));
        let decides = steps.iter().find(|step| {
            matches!(step.verdict, Verdict::Used | Verdict::Otherwise | Verdict::InTheWay)
        });
        match (done, decides) {
            (Ok(Some(found)), Some(step)) => {
                prop_assert_eq!(found.source, step.source.clone());
                prop_assert_eq!(found.finds, step.finds.clone());
            }
            (Err(Error::LoginSource { name, .. }), Some(step)) => {
                prop_assert_eq!(&name, &step.source);
                prop_assert_eq!(&step.finds, &Finds::Unreadable);
            }
            (Ok(None), None) => {}
            (done, decides) => prop_assert!(false, "{done:?} and {decides:?}"),
        }
    }
}
