//! What the sandbox sees of secrets that were sent where they do not belong.

use landfall_sandbox::leaks::{Canary, Encoding, Finder};
use landfall_sandbox::{RELEASE_BUCKET, Sandbox, Service};

use crate::client::{basic, send, start};

/// What is seen of one request.
async fn seen(
    sandbox: &Sandbox,
    service: Service,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<String> {
    let before = sandbox.journal().count();
    send("POST", &format!("{}{target}", sandbox.url(service)), headers, body.to_owned()).await.unwrap();
    sandbox.leaks(&Finder::new(sandbox.canaries()), before)
}

#[tokio::test]
async fn a_credential_in_its_place_is_none() {
    let sandbox = start().await;
    let env = sandbox.env();
    let login =
        format!(r#"{{"role_id":"{}","secret_id":"{}"}}"#, env["VAULT_ROLE_ID"], env["VAULT_SECRET_ID"]);
    let json = ("content-type", "application/json");
    let vault = [("x-vault-request", "true"), json];
    assert!(seen(&sandbox, Service::Vault, "/v1/auth/approle/login", &vault, &login).await.is_empty());
    let [token] = &sandbox.vault.live_tokens()[..] else { panic!("one login, one token") };
    let vault = [("x-vault-request", "true"), ("x-vault-token", token), json];
    assert!(seen(&sandbox, Service::Vault, "/v1/aws/sts/deployer", &vault, "{}").await.is_empty());
    let keys = sandbox.issued.temporary("111122223333", "arn", std::time::Duration::from_secs(60));
    let session = keys.session_token.unwrap();
    let aws = [("x-amz-security-token", session.as_str())];
    for service in Service::AWS {
        assert!(seen(&sandbox, service, "/", &aws, "").await.is_empty(), "{service:?}");
    }
    for (service, user, password) in [
        (Service::Jira, env["JIRA_USER"].as_str(), env["JIRA_TOKEN"].as_str()),
        (Service::Artifactory, &env["ARTIFACTORY_USER"], &env["ARTIFACTORY_PASS"]),
        (Service::EcrRegistry, "AWS", &sandbox.ecr_password()),
    ] {
        let login = basic(user, password);
        assert!(seen(&sandbox, service, "/v2/", &[("authorization", &login)], "").await.is_empty());
    }
}

#[tokio::test]
async fn everywhere_else_it_is_one_whatever_it_is_written_in() {
    let sandbox = start().await;
    let token = sandbox.env()["JIRA_TOKEN"].clone();
    for service in Service::ALL {
        for spelling in Encoding::ALL.into_iter().flat_map(|encoding| encoding.spellings(&token)) {
            let one_line = spelling.replace("\r\n", "");
            let form: String = url_safe(&one_line);
            let by_query = seen(&sandbox, service, &format!("/x?token={form}"), &[], "").await;
            assert_eq!(by_query.len(), 1, "{service:?}");
            assert!(by_query[0].starts_with("the address of request "), "{by_query:?}");
            let by_header = seen(&sandbox, service, "/x", &[("referer", &one_line)], "").await;
            assert!(by_header.len() == 1 && by_header[0].starts_with("header referer "), "{by_header:?}");
            let by_body = seen(&sandbox, service, "/x", &[], &spelling).await;
            assert!(by_body.len() == 1 && by_body[0].starts_with("the body "), "{by_body:?}");
            assert!(!format!("{by_query:?}{by_header:?}{by_body:?}").contains(&token), "it is not shown");
        }
        let login = basic("somebody", &token);
        let by_login = seen(&sandbox, service, "/x", &[("authorization", &login)], "").await;
        assert_eq!(by_login.is_empty(), service == Service::Jira, "{service:?}: {by_login:?}");
    }
}

/// With what may not stand in an address percent-encoded.
fn url_safe(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"%&;=+-_.$'".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[tokio::test]
async fn what_lies_in_s3_is_looked_through() {
    let sandbox = start().await;
    let finder = Finder::new([Canary::new("SECRET", "s3cret-canary-0123")]);
    assert!(sandbox.leaks(&finder, 0).is_empty());
    sandbox.s3.put(RELEASE_BUCKET, "a/b", "x s3cret-canary-0123 y");
    sandbox.s3.put_with(RELEASE_BUCKET, "c", "", &[("x-amz-meta-note", "s3cret-canary-0123")]);
    assert_eq!(
        sandbox.leaks(&finder, 0),
        [
            "object a/b of bucket acme-releases: SECRET (plain)",
            "headers of c of bucket acme-releases: SECRET (plain)"
        ]
    );
}
