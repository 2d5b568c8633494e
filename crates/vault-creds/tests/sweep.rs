//! Every request of a fetch goes wrong once, in every way, on the sandbox's Vault: what may be repeated is, what may not is not, no secret is shown,
//! and no token stays behind that this side knew of.

use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RetryPolicy, Run};
use landfall_sandbox::leaks::Finder;
use landfall_sandbox::vault::id_token;
use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, Fetched, Revocation, SecretId, VaultConfig, VaultLogin, fetch};
use serde_json::json;

/// The ways to log in, and the requests that a fetch by them comes to.
const WAYS: [(Way, &[&str]); 3] = [
    (Way::Plain, &["auth/approle/login", "aws/sts/deployer", "auth/token/revoke-self"]),
    (
        Way::Wrapped,
        &[
            "sys/wrapping/lookup",
            "sys/wrapping/unwrap",
            "auth/approle/login",
            "aws/sts/deployer",
            "auth/token/revoke-self",
        ],
    ),
    (Way::Jwt, &["auth/jwt/login", "aws/sts/deployer", "auth/token/revoke-self"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Wrapped,
    Jwt,
}

async fn sandbox() -> Sandbox {
    let options = SandboxOptions { seed: fastrand_seed(), ..SandboxOptions::default() };
    Sandbox::start(options).await.expect("a sandbox")
}

/// Another in every process and at every call, without a library for it.
fn fastrand_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

async fn fetch_by(sandbox: &Sandbox, way: Way) -> Result<Fetched, Error> {
    let env = sandbox.env();
    let text = |name: &str| env.get(name).cloned().unwrap_or_default();
    let login = match way {
        Way::Plain => VaultLogin::app_role(&text("VAULT_ROLE_ID"), Secret::new(text("VAULT_SECRET_ID"))),
        Way::Wrapped => {
            let token = Secret::new(sandbox.vault.wrap_secret_id(&text("VAULT_ROLE_ID")));
            VaultLogin::AppRole { role_id: text("VAULT_ROLE_ID"), secret_id: SecretId::Wrapped(token) }
        }
        Way::Jwt => {
            let claims = json!({"aud": "https://vault.test", "sub": "project_path:acme/shop"});
            VaultLogin::Jwt { role: Some("shop".to_owned()), token: Secret::new(id_token(&claims)) }
        }
    };
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    let run = Run::builder().retry_policy(quick).build();
    let http = Http::new(HttpConfig::default()).expect("a client");
    fetch(&VaultConfig::new(&text("HCV_URL"), login, "aws/sts/deployer"), &http, &run).await
}

/// Ways to go wrong: with an answer of Vault's, with one of something in front of it, without one before and after the effect.
fn faults() -> Vec<(What, Effect)> {
    let said = |status: u16, text: &str| What::status(status).body(json!({"errors": [text]}).to_string());
    vec![
        (said(400, "no"), Effect::None),
        (said(403, "permission denied"), Effect::None),
        (said(404, "namespace not found"), Effect::None),
        (said(412, "required index state not present"), Effect::None),
        (said(429, "rate limit quota exceeded").header("retry-after", "0"), Effect::None),
        (said(473, "performance standby"), Effect::None),
        (said(500, "internal error"), Effect::None),
        (said(502, "upstream"), Effect::None),
        (said(503, "Vault is sealed"), Effect::None),
        (What::status(503).body("<html>maintenance</html>"), Effect::None),
        (What::status(307).header("location", "http://127.0.0.2:9/v1/elsewhere"), Effect::None),
        (What::status(200).body("<html>please log in</html>"), Effect::None),
        (What::CutBefore, Effect::None),
        (What::LoseAnswer, Effect::Done),
        (What::CutAfterBytes(10), Effect::Done),
        (What::FailAfter(http_status(500)), Effect::Done),
        (What::FailAfter(http_status(503)), Effect::Hidden),
    ]
}

fn http_status(code: u16) -> axum::http::StatusCode {
    axum::http::StatusCode::from_u16(code).expect("a status")
}

/// Whether the server did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    None,
    Done,
    /// It did, behind an answer that says that nobody looked at the request.
    Hidden,
}

#[tokio::test]
async fn a_clean_fetch_makes_these_requests() {
    for (way, requests) in WAYS {
        let sandbox = sandbox().await;
        let fetched = fetch_by(&sandbox, way).await.expect("keys");
        let asked: Vec<String> = sandbox
            .journal()
            .of(Service::Vault)
            .iter()
            .map(|entry| entry.path().trim_start_matches("/v1/").to_owned())
            .collect();
        assert_eq!(asked, requests, "{way:?}");
        assert_eq!((fetched.revocation, sandbox.vault.live_tokens().len()), (Revocation::Revoked, 0));
        assert_eq!(sandbox.leaks(&Finder::new(sandbox.canaries()), 0), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn every_request_goes_wrong_once() {
    for (way, requests) in WAYS {
        for request in requests {
            for (what, effect) in faults() {
                goes_wrong(way, request, what, effect).await;
            }
        }
    }
}

async fn goes_wrong(way: Way, request: &str, what: What, effect: Effect) {
    let context = format!("{way:?}, {request}: {what:?}");
    let sandbox = sandbox().await;
    sandbox.faults().add(Fault::new(what).on(Service::Vault).matching(request));
    let fetched = fetch_by(&sandbox, way).await;
    let times = |path: &str| {
        sandbox.journal().of(Service::Vault).iter().filter(|entry| entry.path().ends_with(path)).count()
    };
    let finder = Finder::new(sandbox.canaries());
    assert_eq!(sandbox.leaks(&finder, 0), Vec::<String>::new(), "{context}");
    let shown = match &fetched {
        Ok(fetched) => format!("{fetched:?}"),
        Err(error) => format!("{error:?} {error} {:?}", error.remedy()),
    };
    assert!(finder.find(shown.as_bytes()).is_empty(), "{context}: a secret is shown");

    // A login may use a secret id up and an unwrapping does, so neither is repeated where it may have arrived.
    if effect == Effect::Done {
        for once in ["auth/approle/login", "sys/wrapping/unwrap"].iter().filter(|once| *once == &request) {
            assert_eq!(times(once), 1, "{context}");
            let error = fetched.as_ref().expect_err("its fate is unknown");
            // At the unwrapping a status of 500 and above counts as passing.
            let is_told = error.class() == Class::Unknown
                || (error.class() == Class::Transient && request.ends_with("unwrap"));
            assert!(is_told, "{context}: {error}");
        }
    }
    let logins = times("auth/approle/login") + times("auth/jwt/login");
    assert!(logins <= 3, "{context}: {logins} logins");
    // The keys are got, or the run ends saying why; a token that came back is given back, whatever came after it.
    let live = sandbox.vault.live_tokens().len();
    let got_in = times("aws/sts/deployer") > 0;
    match fetched {
        Ok(fetched) => {
            let is_back = fetched.revocation == Revocation::Revoked;
            assert!(is_back || request == "auth/token/revoke-self", "{context}: {:?}", fetched.revocation);
            // Of a login whose answer was lost the token stays until it ends by itself: nobody knows it.
            let lost = usize::from(effect != Effect::None && request.ends_with("/login"));
            assert!(live <= lost || !is_back, "{context}: {live} tokens");
        }
        Err(error) => {
            assert!(request != "auth/token/revoke-self", "{context}: {error}");
            assert!(!got_in || live == 0, "{context}: {live} tokens after {error}");
        }
    }
}
