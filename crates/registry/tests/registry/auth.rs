//! How the client logs in.

use landfall_artifacts::{Explain as _, Version};
use landfall_registry::{Error, Flavour, RegistryOptions};

use crate::server::{BASIC, Image, Server, layer, login, run};

fn version() -> Version {
    Version::Tag("1".parse().expect("a tag"))
}

async fn bearer_server() -> Server {
    let server = Server::start().await;
    server.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"artifactory\"", server.host());
    server.contents().challenge = Some(challenge);
    server
}

#[tokio::test]
async fn a_token_is_asked_for_once_however_many_wait() {
    let server = bearer_server().await;
    let registry = server.registry_with(Some(login()), RegistryOptions::default());
    let (run, version) = (run(), version());
    let asked: Vec<_> = (0..8).map(|_| registry.head_manifest("build/a", &version, &run)).collect();
    for found in futures_util::future::join_all(asked).await {
        assert!(found.expect("allowed").is_some());
    }
    let seen = server.contents().seen.clone();
    let tokens: Vec<_> = seen.iter().filter(|one| one.path.starts_with("/token")).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].authorization.as_deref(), Some(BASIC));
    assert!(tokens[0].path.contains("service=artifactory"), "{}", tokens[0].path);
    assert!(tokens[0].path.contains("scope=repository%3Abuild%2Fa%3Apull"), "{}", tokens[0].path);
    let basic =
        seen.iter().filter(|one| one.path.starts_with("/v2/") && one.authorization.as_deref() == Some(BASIC));
    assert_eq!(basic.count(), 0, "the login itself goes to the token server alone");
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed_once() {
    let server = bearer_server().await;
    let registry = server.registry_with(Some(login()), RegistryOptions::default());
    assert!(registry.head_manifest("build/a", &version(), &run()).await.is_ok());
    server.contents().accepted.clear();
    assert!(registry.head_manifest("build/a", &version(), &run()).await.is_ok());
    assert_eq!(server.contents().tokens, 2);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_an_error_and_not_a_loop() {
    let server = bearer_server().await;
    let other = Server::start().await;
    // Tokens of another place are worth nothing here.
    let challenge = format!("Bearer realm=\"http://{}/token\"", other.host());
    server.contents().challenge = Some(challenge);
    let options = RegistryOptions { auth_host: Some(other.host()), ..RegistryOptions::default() };
    let registry = server.registry_with(Some(login()), options);
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert_eq!(error.code(), "LF-REG-AUTH");
    assert_eq!((other.contents().tokens, server.contents().seen.len()), (1, 2));
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_login_is_sent_once_and_not_again_when_refused() {
    let server = Server::start().await;
    server.contents().challenge = Some("Basic realm=\"x\"".to_owned());
    let registry = server.registry_with(Some(login()), RegistryOptions::default());
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert!(matches!(&error, Error::LoginRefused { user, .. } if user == "bot"), "{error:?}");
    let with_login =
        |server: &Server| server.contents().seen.iter().filter(|one| one.authorization.is_some()).count();
    assert_eq!(with_login(&server), 1);

    let options = RegistryOptions { flavour: Flavour::Ecr, ..RegistryOptions::default() };
    let registry = server.registry_with(Some(login()), options);
    assert!(registry.head_manifest("build/a", &version(), &run()).await.is_err());
    assert_eq!(with_login(&server), 2, "ECR is told at once, and once");

    let error = server.registry().head_manifest("build/a", &version(), &run()).await.expect_err("no login");
    assert_eq!(error.code(), "LF-REG-NO-LOGIN");
}

#[tokio::test]
async fn basic_is_used_where_it_is_asked_for() {
    let server = Server::start().await;
    server.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    server.contents().challenge = Some("Basic realm=\"x\"".to_owned());
    server.contents().accepted.push(BASIC.to_owned());
    let registry = server.registry_with(Some(login()), RegistryOptions::default());
    for _ in 0..2 {
        assert!(registry.head_manifest("build/a", &version(), &run()).await.expect("allowed").is_some());
    }
    assert_eq!(server.contents().seen.len(), 3, "the second request knows already");
}
