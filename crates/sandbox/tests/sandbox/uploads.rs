//! Uploads in all their forms, at both registries.

use landfall_sandbox::registry::{Mounts, digest_of};
use landfall_sandbox::{Sandbox, Service, images};

use crate::client::{Answer, artifactory_login, ecr_login, send, start};

const MIB: usize = 1024 * 1024;

struct Target {
    base: String,
    name: &'static str,
    login: String,
}

impl Target {
    fn ecr(sandbox: &Sandbox) -> Self {
        Self { base: sandbox.url(Service::EcrRegistry), name: "app", login: ecr_login(sandbox) }
    }

    async fn artifactory(sandbox: &Sandbox) -> Self {
        let name = "docker-build/shop/cart";
        let login = artifactory_login(sandbox, name, "pull,push").await;
        Self { base: sandbox.url(Service::Artifactory), name, login }
    }

    async fn ask(&self, method: &str, place: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let url = if place.starts_with("http") {
            place.to_owned()
        } else if place.starts_with('/') {
            format!("{}{place}", self.base)
        } else {
            format!("{}/v2/{}/{place}", self.base, self.name)
        };
        let mut all = vec![("authorization", self.login.as_str())];
        all.extend_from_slice(headers);
        send(method, &url, &all, body).await.unwrap()
    }

    async fn begin(&self) -> String {
        let answer = self.ask("POST", "blobs/uploads/", &[], Vec::new()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("location").to_owned()
    }

    async fn finish(&self, location: &str, digest: &str, body: Vec<u8>) -> Answer {
        self.ask("PUT", &format!("{location}&digest={digest}"), &[], body).await
    }
}

#[tokio::test]
async fn one_put_and_patch_then_put_both_work() {
    let sandbox = start().await;
    for target in [Target::ecr(&sandbox), Target::artifactory(&sandbox).await] {
        let digest = digest_of(b"one");
        let location = target.begin().await;
        assert_eq!(target.finish(&location, &digest, b"one".to_vec()).await.status, 201);
        let answer = target.ask("HEAD", &format!("blobs/{digest}"), &[], Vec::new()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, "3"));

        let location = target.begin().await;
        let answer = target.ask("PATCH", &location, &[], b"two".to_vec()).await;
        assert_eq!(answer.status, if target.name == "app" { 201 } else { 202 });
        let again = target.ask("PATCH", &location, &[], b"two".to_vec()).await;
        assert_eq!(
            (again.status.as_u16(), again.code().as_str()),
            (404, "BLOB_UPLOAD_UNKNOWN"),
            "an old Location"
        );
        let location = answer.header("location").to_owned();
        assert_eq!(target.finish(&location, &digest_of(b"two"), Vec::new()).await.status, 201);
        let again = target.finish(&location, &digest_of(b"two"), Vec::new()).await;
        assert_eq!(again.status, 404, "a session is used once");
    }
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused_and_end_the_session() {
    let sandbox = start().await;
    for target in [Target::ecr(&sandbox), Target::artifactory(&sandbox).await] {
        let location = target.begin().await;
        let answer = target.finish(&location, &digest_of(b"one"), b"two".to_vec()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "DIGEST_INVALID"));
        assert_eq!(target.finish(&location, &digest_of(b"one"), b"one".to_vec()).await.status, 404);
        assert_eq!(
            target.ask("GET", &format!("blobs/{}", digest_of(b"two")), &[], Vec::new()).await.status,
            404
        );
    }
}

#[tokio::test]
async fn parts_at_ecr_have_five_mebibytes_and_a_stale_range() {
    let sandbox = start().await;
    let target = Target::ecr(&sandbox);
    let mut location = target.begin().await;
    let mut whole = Vec::new();
    for size in [5 * MIB, 5 * MIB, 10] {
        let part = vec![1; size];
        let range = format!("{}-{}", whole.len(), whole.len() + size - 1);
        let answer = target.ask("PATCH", &location, &[("content-range", &range)], part.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.header("range")), (201, "0-5242879"));
        whole.extend(part);
        location = answer.header("location").to_owned();
    }
    assert_eq!(target.finish(&location, &digest_of(&whole), Vec::new()).await.status, 201);

    let location = target.begin().await;
    let answer = target.ask("PATCH", &location, &[], b"small".to_vec()).await;
    let answer = target.ask("PATCH", answer.header("location"), &[], b"small".to_vec()).await;
    assert!(answer.text().contains("LayerPartTooSmallException"));
}

#[tokio::test]
async fn a_part_out_of_order_is_416_and_says_what_arrived() {
    let sandbox = start().await;
    let target = Target::artifactory(&sandbox).await;
    let location = target.begin().await;
    let answer = target.ask("PATCH", &location, &[("content-range", "0-2")], b"abc".to_vec()).await;
    let location = answer.header("location").to_owned();
    let answer = target.ask("PATCH", &location, &[("content-range", "5-6")], b"fg".to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.header("range")), (416, "0-2"));
    let answer = target.ask("GET", &location, &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), answer.header("range")), (204, "0-2"));
    assert_eq!(target.ask("DELETE", &location, &[], Vec::new()).await.status, 204);
    assert_eq!(sandbox.artifactory.open_uploads(), 0);
}

#[tokio::test]
async fn a_mount_is_202_unless_enabled_and_named_by_a_manifest() {
    let sandbox = start().await;
    sandbox.ecr_registry.create_repository("base", false);
    let image = images::function_image("cart", "1.0.0", "amd64", 1000);
    let digest = digest_of(&image.layers[0].bytes);
    sandbox.ecr_registry.put_blob("base", image.layers[0].bytes.clone());
    let target = Target::ecr(&sandbox);
    let place = format!("blobs/uploads/?mount={digest}&from=base");
    assert_eq!(target.ask("POST", &place, &[], Vec::new()).await.status, 202);
    sandbox.ecr_registry.configure(|quirks| quirks.mounts = Mounts::AfterManifest);
    assert_eq!(target.ask("POST", &place, &[], Vec::new()).await.status, 202);
    sandbox.ecr_registry.put_image("base", "1", &image);
    assert_eq!(target.ask("POST", &place, &[], Vec::new()).await.status, 201);
    assert!(sandbox.ecr_registry.has_blob("app", &digest));
    assert_eq!(sandbox.ecr_registry.mounted(), [("app".to_owned(), digest)]);
}

#[tokio::test]
async fn a_post_with_a_digest_opens_a_session_only() {
    let sandbox = start().await;
    let target = Target::ecr(&sandbox);
    let digest = digest_of(b"one");
    let answer = target.ask("POST", &format!("blobs/uploads/?digest={digest}"), &[], b"one".to_vec()).await;
    assert_eq!(answer.status, 202);
    assert!(!sandbox.ecr_registry.has_blob("app", &digest));
}
