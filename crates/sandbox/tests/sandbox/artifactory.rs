//! Artifactory: tokens, redirects, promotion.

use landfall_sandbox::{BUILD_KEY, RC_KEY, Sandbox, Service, VIRTUAL_KEY, images};
use serde_json::{Value, json};

use crate::client::{Answer, artifactory_login, basic, send, start};

const REPOSITORY: &str = "docker-build/shop/cart";

async fn manifest(sandbox: &Sandbox, repository: &str, tag: &str, login: &str) -> Answer {
    let url = format!("{}/v2/{repository}/manifests/{tag}", sandbox.url(Service::Artifactory));
    let headers: &[_] = if login.is_empty() { &[] } else { &[("authorization", login)] };
    send("GET", &url, headers, "").await.unwrap()
}

#[tokio::test]
async fn the_challenge_names_a_realm_for_the_key_and_no_scope() {
    let sandbox = start().await;
    let answer = manifest(&sandbox, REPOSITORY, "1", "").await;
    let host = sandbox.host(Service::Artifactory);
    let realm = format!(
        "Bearer realm=\"http://{host}/artifactory/api/docker/docker-build/v2/token\",service=\"artifactory\""
    );
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, realm.as_str()));
    assert_eq!(answer.code(), "UNAUTHORIZED");
    sandbox.artifactory.configure(|quirks| quirks.challenge_scope = true);
    let answer = manifest(&sandbox, REPOSITORY, "1", "").await;
    let with_scope = format!("{realm},scope=\"repository:{REPOSITORY}:pull\"");
    assert_eq!(answer.header("www-authenticate"), with_scope);
}

#[tokio::test]
async fn a_token_is_good_for_what_it_was_asked_for() {
    let sandbox = start().await;
    let digest =
        sandbox.artifactory.put_image(REPOSITORY, "1", &images::function_image("cart", "1", "amd64", 100));
    let login = artifactory_login(&sandbox, REPOSITORY, "pull").await;
    let answer = manifest(&sandbox, REPOSITORY, "1", &login).await;
    assert_eq!((answer.status.as_u16(), answer.header("docker-content-digest")), (200, digest.as_str()));
    assert_eq!(manifest(&sandbox, REPOSITORY, &digest, &login).await.status, 200);
    let missing = manifest(&sandbox, REPOSITORY, "2", &login).await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (404, "MANIFEST_UNKNOWN"));
    assert_eq!(manifest(&sandbox, "docker-build/shop/other", "1", &login).await.status, 401);
    let upload = format!("{}/v2/{REPOSITORY}/blobs/uploads/", sandbox.url(Service::Artifactory));
    assert_eq!(
        send("POST", &upload, &[("authorization", &login)], "").await.unwrap().status,
        401,
        "pull only"
    );
    sandbox.artifactory.expire_tokens();
    assert_eq!(manifest(&sandbox, REPOSITORY, "1", &login).await.status, 401);
    let unknown = artifactory_login(&sandbox, "docker-rc/x/y", "pull").await;
    assert_eq!(manifest(&sandbox, "docker-rc/x/y", "1", &unknown).await.code(), "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn the_token_service_takes_the_password_and_the_access_token_only() {
    let sandbox = start().await;
    let url = format!(
        "{}/artifactory/api/docker/{BUILD_KEY}/v2/token?service=artifactory",
        sandbox.url(Service::Artifactory)
    );
    let access = sandbox.artifactory_access();
    for (password, status) in [(access.password.as_str(), 200), (&access.access_token, 200), ("wrong", 401)] {
        let login = basic(&access.user, password);
        assert_eq!(send("GET", &url, &[("authorization", &login)], "").await.unwrap().status, status);
    }
    assert_eq!(send("GET", &url, &[], "").await.unwrap().status, 401);
}

#[tokio::test]
async fn the_storage_host_serves_ranges_and_refuses_logins() {
    let sandbox = start().await;
    let digest = sandbox.artifactory.put_blob(REPOSITORY, b"0123456789".to_vec().into());
    let login = artifactory_login(&sandbox, REPOSITORY, "pull").await;
    let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", sandbox.url(Service::Artifactory));
    let direct = send("GET", &url, &[("authorization", &login), ("range", "bytes=2-4")], "").await.unwrap();
    assert_eq!((direct.status.as_u16(), direct.text().as_str()), (206, "234"));
    assert_eq!(direct.header("content-range"), "bytes 2-4/10");

    sandbox.artifactory.configure(|quirks| quirks.redirect_blobs = true);
    let hop = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!(hop.status, 302);
    let location = hop.header("location");
    assert!(location.starts_with(&sandbox.url(Service::Storage)));
    assert_eq!(send("GET", location, &[("range", "bytes=8-")], "").await.unwrap().text(), "89");
    let refused = send("GET", location, &[("authorization", &login)], "").await.unwrap();
    assert!(refused.status == 400 && refused.text().contains("Only one auth mechanism allowed"));
    sandbox.storage.expire_all();
    assert_eq!(send("GET", location, &[], "").await.unwrap().status, 403);
    sandbox.artifactory.configure(|quirks| quirks.redirect_to = Some("http://127.0.0.2:9".to_owned()));
    let hop = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert!(hop.header("location").starts_with("http://127.0.0.2:9/"));
}

async fn promote(sandbox: &Sandbox, source: &str, body: &Value) -> Answer {
    let url = format!("{}/artifactory/api/docker/{source}/v2/promote", sandbox.url(Service::Artifactory));
    let access = sandbox.artifactory_access();
    let login = basic(&access.user, &access.password);
    send("POST", &url, &[("authorization", &login), ("content-type", "application/json")], body.to_string())
        .await
        .unwrap()
}

fn wish() -> Value {
    json!({"targetRepo": RC_KEY, "dockerRepository": "shop/cart", "tag": "1", "targetTag": "1", "copy": true, "overwrite": true})
}

#[tokio::test]
async fn a_promotion_keeps_the_digest_and_brings_the_blobs() {
    let sandbox = start().await;
    let image = images::function_image("cart", "1", "amd64", 100);
    let digest = sandbox.artifactory.put_image(REPOSITORY, "1", &image);
    for _ in 0..2 {
        let answer = promote(&sandbox, BUILD_KEY, &wish()).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "Promotion ended successfully"));
    }
    let target = "docker-rc/shop/cart";
    assert_eq!(sandbox.artifactory.digest_of(target, "1"), Some(digest.clone()));
    assert!(
        image
            .blobs()
            .all(|blob| sandbox.artifactory.has_blob(target, &landfall_sandbox::registry::digest_of(blob)))
    );
    assert_eq!(sandbox.artifactory.digest_of(REPOSITORY, "1"), Some(digest), "copied, not moved");
}

#[tokio::test]
async fn a_promotion_that_a_tool_should_not_ask_for_is_refused() {
    let sandbox = start().await;
    sandbox.artifactory.put_image(REPOSITORY, "1", &images::function_image("cart", "1", "amd64", 100));
    let changed = |name: &str, value: Value| {
        let mut body = wish();
        body[name] = value;
        body
    };
    let cases = [
        (BUILD_KEY, changed("copy", json!(false)), 400),
        (BUILD_KEY, changed("copy", Value::Null), 400),
        (BUILD_KEY, changed("tag", Value::Null), 400),
        (BUILD_KEY, changed("surprise", json!(1)), 400),
        (BUILD_KEY, changed("tag", json!("2")), 404),
        (BUILD_KEY, changed("dockerRepository", json!("shop/none")), 404),
        (BUILD_KEY, changed("targetRepo", json!("none")), 404),
        ("none", wish(), 404),
    ];
    for (source, body, status) in cases {
        let answer = promote(&sandbox, source, &body).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["errors"][0]["status"], status);
    }
    sandbox.artifactory.refuse_promotion("cart");
    assert_eq!(promote(&sandbox, BUILD_KEY, &wish()).await.status, 403);
    sandbox.artifactory.allow_promotion("cart");
    let url = format!("{}/artifactory/api/docker/{BUILD_KEY}/v2/promote", sandbox.url(Service::Artifactory));
    let answer =
        send("POST", &url, &[("content-type", "application/json")], wish().to_string()).await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(sandbox.artifactory.tags("docker-rc/shop/cart").is_empty());

    sandbox.artifactory.put_image(
        "docker-rc/shop/cart",
        "1",
        &images::function_image("cart", "2", "amd64", 100),
    );
    assert_eq!(promote(&sandbox, BUILD_KEY, &changed("overwrite", json!(false))).await.status, 409);
    assert_eq!(promote(&sandbox, BUILD_KEY, &wish()).await.status, 200);
}

#[tokio::test]
async fn version_and_ping() {
    let sandbox = start().await;
    let base = format!("{}/artifactory/api/system", sandbox.url(Service::Artifactory));
    assert_eq!(send("GET", &format!("{base}/ping"), &[], "").await.unwrap().text(), "OK");
    let token = format!("Bearer {}", sandbox.artifactory_access().access_token);
    let answer = send("GET", &format!("{base}/version"), &[("authorization", &token)], "").await.unwrap();
    assert_eq!(answer.json()["version"], "7.117.1");
    assert_eq!(send("GET", &format!("{base}/version"), &[], "").await.unwrap().status, 401);
}

async fn configuration(sandbox: &Sandbox, key: &str) -> Answer {
    let url = format!("{}/artifactory/api/repositories/{key}", sandbox.url(Service::Artifactory));
    let access = sandbox.artifactory_access();
    let login = basic(&access.user, &access.password);
    send("GET", &url, &[("authorization", &login)], "").await.unwrap()
}

#[tokio::test]
async fn a_virtual_key_shows_what_others_hold_and_is_not_promoted_from_or_to() {
    let sandbox = start().await;
    let image = images::function_image("cart", "1", "amd64", 100);
    let digest = sandbox.artifactory.put_image(REPOSITORY, "1", &image);
    let behind = format!("{VIRTUAL_KEY}/shop/cart");
    let login = artifactory_login(&sandbox, &behind, "pull,push").await;
    let shown = manifest(&sandbox, &behind, "1", &login).await;
    assert_eq!((shown.status.as_u16(), shown.header("docker-content-digest")), (200, digest.as_str()));
    let layer = landfall_sandbox::registry::digest_of(&image.layers[0].bytes);
    let blob = format!("{}/v2/{behind}/blobs/{layer}", sandbox.url(Service::Artifactory));
    assert_eq!(send("HEAD", &blob, &[("authorization", &login)], "").await.unwrap().status, 200);
    let upload = format!("{}/v2/{behind}/blobs/uploads/", sandbox.url(Service::Artifactory));
    assert_eq!(send("POST", &upload, &[("authorization", &login)], "").await.unwrap().status, 404);

    let to_virtual =
        json!({"targetRepo": VIRTUAL_KEY, "dockerRepository": "shop/cart", "tag": "1", "copy": true});
    for (source, body) in [(VIRTUAL_KEY, wish()), (BUILD_KEY, to_virtual)] {
        let answer = promote(&sandbox, source, &body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("'docker' is not a local repository"), "{}", answer.text());
    }
    let found = configuration(&sandbox, VIRTUAL_KEY).await.json();
    assert_eq!((&found["rclass"], &found["defaultDeploymentRepo"]), (&json!("virtual"), &json!(BUILD_KEY)));
    assert_eq!(found["repositories"], json!([BUILD_KEY, RC_KEY, "docker-release"]));
    assert_eq!(configuration(&sandbox, RC_KEY).await.json()["rclass"], "local");
    assert_eq!(configuration(&sandbox, "none").await.status, 400);
    sandbox.artifactory.hide_configurations(true);
    let part = configuration(&sandbox, VIRTUAL_KEY).await.json();
    assert_eq!((&part["rclass"], &part["repositories"]), (&json!("virtual"), &Value::Null));
}

#[tokio::test]
async fn images_are_shown_below_the_api_and_at_a_port_of_the_key_too() {
    let sandbox = start().await;
    let digest =
        sandbox.artifactory.put_image(REPOSITORY, "1", &images::function_image("cart", "1", "amd64", 100));
    let token = format!(
        "{}/artifactory/api/docker/{BUILD_KEY}/v2/token?service=artifactory&scope=repository:shop/cart:pull",
        sandbox.url(Service::Artifactory)
    );
    let access = sandbox.artifactory_access();
    let login = basic(&access.user, &access.password);
    let answer = send("GET", &token, &[("authorization", &login)], "").await.unwrap().json();
    let bearer = format!("Bearer {}", answer["token"].as_str().unwrap());
    let below_api = format!("{}/artifactory/api/docker/{BUILD_KEY}", sandbox.url(Service::Artifactory));
    let own_port = format!("http://{}", sandbox.docker_host(BUILD_KEY).await.unwrap());
    for base in [below_api, own_port] {
        let url = format!("{base}/v2/shop/cart/manifests/1");
        let stranger = send("HEAD", &url, &[], "").await.unwrap();
        assert_eq!(stranger.status, 401);
        assert!(stranger.header("www-authenticate").contains("/api/docker/docker-build/v2/token"));
        let shown = send("HEAD", &url, &[("authorization", &bearer)], "").await.unwrap();
        assert_eq!((shown.status.as_u16(), shown.header("docker-content-digest")), (200, digest.as_str()));
    }
}

#[tokio::test]
async fn promoting_a_tag_to_itself_is_refused() {
    let sandbox = start().await;
    sandbox.artifactory.put_image(REPOSITORY, "1", &images::function_image("cart", "1", "amd64", 100));
    let mut body = wish();
    body["targetRepo"] = BUILD_KEY.into();
    assert_eq!(promote(&sandbox, BUILD_KEY, &body).await.status, 400);
    body["targetTag"] = "1-rc".into();
    assert_eq!(promote(&sandbox, BUILD_KEY, &body).await.status, 200);
}
