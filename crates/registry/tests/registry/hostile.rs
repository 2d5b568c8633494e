//! Registries that point elsewhere: 127.0.0.2 is the foreign host, and sees nothing that it could use.

use axum::http::StatusCode;
use landfall_artifacts::{Digest, Explain as _, Version};
use landfall_registry::{CopyOptions, CopyOutcome, Error, RegistryOptions, apply, plan_copies};

use crate::server::{BASIC, Image, Server, layer, login, registries, request, run};

fn version() -> Version {
    Version::Tag("1".parse().expect("a tag"))
}

#[tokio::test]
async fn a_foreign_realm_sees_nothing_unless_it_was_configured() {
    let (server, foreign) = (Server::start().await, Server::start_at("127.0.0.2").await);
    let port = foreign.address.port();
    for realm in [
        format!("http://{}/token", foreign.host()),
        format!("http://127.0.0.1:{port}/token"),
        format!("http://127.0.0.1:{}@{}/token", server.address.port(), foreign.host()),
        format!("//{}/token", foreign.host()),
        "https://127.0.0.1/token".to_owned(),
    ] {
        server.contents().challenge = Some(format!("Bearer realm=\"{realm}\",service=\"x\""));
        let registry = server.registry_with(Some(login()), RegistryOptions::default());
        let error = registry.head_manifest("a", &version(), &run()).await.expect_err("refused");
        assert_eq!(error.code(), "LF-HTTP-FOREIGN", "{realm}");
    }
    assert!(foreign.contents().seen.is_empty());

    server.contents().challenge = Some(format!("Bearer realm=\"http://{}/token\"", foreign.host()));
    let options = RegistryOptions { auth_host: Some(foreign.host()), ..RegistryOptions::default() };
    let registry = server.registry_with(Some(login()), options);
    let _ = registry.head_manifest("a", &version(), &run()).await;
    assert_eq!(foreign.contents().seen[0].authorization.as_deref(), Some(BASIC));
}

#[tokio::test]
async fn a_redirect_elsewhere_carries_no_credential_and_a_login_page_there_is_not_answered() {
    let (server, foreign) = (Server::start().await, Server::start_at("127.0.0.2").await);
    let image = Image::new(&[layer(1, 1_000)]);
    server.push("a", "1", &image);
    foreign.push("a", "1", &image);
    server.contents().challenge = Some("Basic realm=\"x\"".to_owned());
    server.contents().accepted.push(BASIC.to_owned());
    server.contents().redirect_to = Some(format!("http://{}", foreign.host()));
    let registry = server.registry_with(Some(login()), RegistryOptions::default());
    let digest = Digest::of(&image.blobs[0]);
    let mut stream = registry.get_blob_stream("a", digest, 7, &run()).await.expect("redirected");
    assert_eq!((stream.starts_at, stream.total_bytes), (7, Some(1_000)));
    let mut bytes = 0;
    while let Some(chunk) = futures_util::StreamExt::next(&mut stream.body).await {
        bytes += chunk.expect("bytes").len();
    }
    assert_eq!(bytes, 993);

    foreign.contents().always = Some(StatusCode::UNAUTHORIZED);
    let error = registry.get_blob_stream("a", digest, 0, &run()).await.expect_err("refused");
    assert!(matches!(error, Error::Storage { status: 401, .. }), "{error:?}");
    let seen = foreign.contents().seen.clone();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|one| one.authorization.is_none()), "{seen:?}");
}

#[tokio::test]
async fn an_address_that_is_over_is_asked_for_anew() {
    let (source, target) = (Server::start().await, Server::start().await);
    let storage = Server::start_at("127.0.0.2").await;
    let image = Image::new(&[layer(1, 1_000)]);
    source.push("a", "1", &image);
    storage.push("a", "1", &image);
    let all = registries(&[&source, &target]);
    let run = run();
    let requests = vec![request(&source, "a:1", &target, "app:a-1")];
    source.contents().redirect_to = Some(format!("http://{}", storage.host()));
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    storage.contents().always = Some(StatusCode::FORBIDDEN);
    let opened = async {
        while storage.count("GET", "signature") < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        storage.contents().always = None;
    };
    let (report, ()) = tokio::join!(apply(&plan, &all, &run), opened);
    let results = report.images;
    assert_eq!(results[0].outcome, CopyOutcome::Copied, "{results:?}");
    assert!(source.count("GET", "/blobs/") >= 3, "each time the registry was asked first");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::start().await;
    server.contents().redirect_to = Some(format!("http://{}", server.host()));
    let digest = Digest::of(b"x");
    let error = server.registry().get_blob_stream("a", digest, 0, &run()).await.expect_err("a circle");
    assert!(matches!(error, Error::Redirects { .. }), "{error:?}");
    assert_eq!(server.contents().seen.len(), 4);
}

#[tokio::test]
async fn a_blob_is_never_sent_to_a_foreign_location() {
    let (source, target) = (Server::start().await, Server::start().await);
    let foreign = Server::start_at("127.0.0.2").await;
    source.push("build/a", "1", &Image::new(&[layer(1, 1_000)]));
    let all = registries(&[&source, &target]);
    let run = run();
    let requests = || vec![request(&source, "build/a:1", &target, "app:a-1")];
    let other_port = foreign.address.port();
    for at in [
        format!("http://{}", foreign.host()),
        format!("http://127.0.0.1:{other_port}"),
        "https://127.0.0.1".to_owned(),
    ] {
        target.contents().upload_at = Some(at.clone());
        let plan = plan_copies(requests(), &all, CopyOptions::default(), &run).await;
        let result = apply(&plan, &all, &run).await.images.remove(0);
        assert_eq!(result.outcome, CopyOutcome::Failed);
        assert_eq!(result.error.map(|error| error.code()), Some("LF-HTTP-FOREIGN"), "{at}");
    }
    assert!(foreign.contents().seen.is_empty());
    assert_eq!(target.count("PUT", ""), 0);

    target.contents().upload_at = Some(format!("http://{}", target.host()));
    let plan = plan_copies(requests(), &all, CopyOptions::default(), &run).await;
    assert_eq!(
        apply(&plan, &all, &run).await.images[0].outcome,
        CopyOutcome::Copied,
        "absolute and its own is good"
    );
}
