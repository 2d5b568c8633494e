use std::net::SocketAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Error, Expected, IdToken, RunApprovals, approvals_of_run, of_id_token, verified};

const NOW: OffsetDateTime = datetime!(2025-11-19 12:00 UTC);
const ISSUER: &str = "https://gitlab.example.com";

enum Signer {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key"))
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
                    "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Rsa(key) => {
                let public = key.public_key();
                json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                    "n": text(public.modulus().big_endian_without_leading_zero()),
                    "e": text(public.exponent().big_endian_without_leading_zero())})
            }
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(key) => key.sign(&random, signed.as_bytes()).expect("signed").as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("signed");
                signature
            }
        };
        format!("{signed}.{}", text(&signature))
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "landfall", "exp": NOW.unix_timestamp() + 300, "nbf": NOW.unix_timestamp() - 5,
        "sub": "project_path:a/b:ref_type:branch:ref:main", "user_login": "ada", "pipeline_id": "7", "job_id": "8",
        "project_path": "acme/shop"})
}

fn expected() -> Expected {
    Expected {
        issuer: ISSUER.to_owned(),
        audience: "landfall".to_owned(),
        pipeline: Some("7".to_owned()),
        job: Some("8".to_owned()),
        project: Some("Acme/shop".to_owned()),
    }
}

fn keys(of: &[(&Signer, &str)]) -> JwkSet {
    let keys: Vec<Value> = of.iter().map(|(signer, kid)| signer.jwk(kid)).collect();
    serde_json::from_value(json!({ "keys": keys })).expect("keys")
}

#[test]
fn a_token_of_the_issuer_names_who_started_the_job() {
    for signer in [Signer::ec(), Signer::rsa()] {
        let header = json!({"alg": signer.alg(), "kid": "k1", "typ": "JWT"});
        let token = signer.token(&header, &claims());
        let person = verified(&token, &keys(&[(&signer, "k1")]), &expected(), NOW).expect("verified");
        assert_eq!(person.actor.name, "ada");
        assert_eq!(person.actor.source, "id token of https://gitlab.example.com for acme/shop");
    }
}

#[test]
fn a_token_with_anything_amiss_names_nobody() {
    for signer in [Signer::ec(), Signer::rsa()] {
        let keys = keys(&[(&signer, "k1")]);
        let header = json!({"alg": signer.alg(), "kid": "k1"});
        let with = |key: &str, value: Value| {
            let mut claims = claims();
            claims[key] = value;
            signer.token(&header, &claims)
        };
        let without = |key: &str| {
            let mut claims = claims();
            claims.as_object_mut().expect("an object").remove(key);
            signer.token(&header, &claims)
        };
        let good = signer.token(&header, &claims());
        let parts: Vec<&str> = good.split('.').collect();
        let other = with("user_login", json!("mallory"));
        let stolen = other.split('.').nth(1).expect("claims");
        let late = NOW.unix_timestamp() - 3600;
        let mut tokens = vec![
            ("another issuer", with("iss", json!("https://evil.example.com"))),
            ("no issuer", without("iss")),
            ("another audience", with("aud", json!("vault"))),
            ("no audience", without("aud")),
            ("over", with("exp", json!(late))),
            ("no end", without("exp")),
            ("not yet", with("nbf", json!(NOW.unix_timestamp() + 3600))),
            ("another pipeline", with("pipeline_id", json!("70"))),
            ("another job", with("job_id", json!("80"))),
            ("no job", without("job_id")),
            ("another project", with("project_path", json!("mallory/shop"))),
            ("a project of that name below another", with("project_path", json!("acme/shop/shop"))),
            ("no project", without("project_path")),
            ("no user", without("user_login")),
            ("an empty user", with("user_login", json!(""))),
            ("other claims", format!("{}.{stolen}.{}", parts[0], parts[2])),
            ("another key", signer.token(&json!({"alg": signer.alg(), "kid": "k2"}), &claims())),
            ("no key", signer.token(&json!({"alg": signer.alg()}), &claims())),
            ("no algorithm", format!("{}.{}.", text(br#"{"alg":"none","kid":"k1"}"#), parts[1])),
            ("a secret", signer.token(&json!({"alg": "HS256", "kid": "k1"}), &claims())),
            ("no token", "ada".to_owned()),
            ("nothing", String::new()),
        ];
        for place in [0, good.len() / 2, good.len() - 3] {
            let flipped: String = good
                .chars()
                .enumerate()
                .map(|(at, c)| if at == place && c != '.' { if c == 'A' { 'B' } else { 'A' } } else { c })
                .collect();
            if flipped != good {
                tokens.push(("a flipped letter", flipped));
            }
        }
        for (name, token) in tokens {
            let refused = verified(&token, &keys, &expected(), NOW);
            assert!(matches!(refused, Err(Error::IdToken { .. })), "{name}: {refused:?}");
        }
        let stranger = Signer::ec();
        let forged = stranger.token(&json!({"alg": "ES256", "kid": "k1"}), &claims());
        assert!(verified(&forged, &keys, &expected(), NOW).is_err());
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

#[tokio::test]
async fn the_keys_come_from_the_issuer_and_from_nobody_else() {
    let signer = Signer::ec();
    let (jwk, now) = (signer.jwk("k1"), OffsetDateTime::now_utc());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let issuer = format!("http://{address}");
    let of = |issuer: String, keys: String| json!({"issuer": issuer, "jwks_uri": keys}).to_string();
    let good = of(issuer.clone(), format!("{issuer}/oauth/discovery/keys"));
    let foreign = of(format!("{issuer}/foreign"), "http://localhost:1/keys".to_owned());
    let lying = of("https://gitlab.example.com".to_owned(), format!("{issuer}/oauth/discovery/keys"));
    let keys = json!({ "keys": [jwk] }).to_string();
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(move || async move { good }))
        .route("/foreign/.well-known/openid-configuration", get(move || async move { foreign }))
        .route("/lying/.well-known/openid-configuration", get(move || async move { lying }))
        .route("/oauth/discovery/keys", get(move || async move { keys }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = |issuer: &str| {
        let mut claims = claims();
        claims["iss"] = json!(issuer);
        claims["exp"] = json!((now + Duration::minutes(5)).unix_timestamp());
        claims["nbf"] = json!((now - Duration::minutes(5)).unix_timestamp());
        IdToken {
            token: Secret::new(signer.token(&json!({"alg": "ES256", "kid": "k1"}), &claims)),
            expected: Expected { issuer: issuer.to_owned(), ..expected() },
        }
    };
    let run = Run::builder().build();
    let person = of_id_token(&token(&issuer), &http(), &run).await.expect("verified");
    assert_eq!(person.actor.name, "ada");
    for path in ["foreign", "lying"] {
        let refused = of_id_token(&token(&format!("{issuer}/{path}")), &http(), &run).await;
        assert!(matches!(refused, Err(Error::Keys { .. })), "{path}: {refused:?}");
    }
    let stop = landfall_run::Stop::new();
    let hurried = Run::builder().stop(stop).deadline(std::time::Duration::from_secs(2)).build();
    let gone = of_id_token(&token("http://127.0.0.1:9"), &http(), &hurried).await;
    assert!(matches!(gone, Err(Error::Unreachable { .. })), "{gone:?}");
}

#[tokio::test]
async fn github_says_who_approved_the_run_for_the_environment() {
    let reviews = json!([
        {"state": "approved", "comment": "ok", "environments": [{"name": "prod"}], "user": {"login": "ada"}},
        {"state": "approved", "comment": "", "environments": [{"name": "uat"}], "user": {"login": "grace"}},
        {"state": "rejected", "comment": "no", "environments": [{"name": "prod"}], "user": {"login": "joan"}},
        {"state": "approved", "comment": "again", "environments": [{"name": "prod"}], "user": {"login": "ADA"}},
        {"state": "approved", "comment": "", "environments": [{"name": "prod"}], "user": null},
        {"state": "approved", "environments": [{"name": "prod"}], "user": {"login": "x\u{1b}[2J\u{202e}"}},
    ])
    .to_string();
    let router = Router::new()
        .route("/api/repos/acme/shop/actions/runs/42/approvals", get(move || async move { reviews }))
        .route(
            "/api/repos/acme/shop/actions/runs/43/approvals",
            get(|| async { (axum::http::StatusCode::FORBIDDEN, "{}") }),
        );
    let address = serve(router).await;
    let asked = |run: &str, repository: &str, approved| RunApprovals {
        api: format!("http://{address}/api"),
        repository: repository.to_owned(),
        run: run.to_owned(),
        token: Secret::new("canary-token"),
        environment: "prod".parse().expect("a name"),
        approved,
    };
    let run = Run::builder().build();
    let people = approvals_of_run(&asked("42", "acme/shop", true), &http(), &run).await.expect("answered");
    let names: Vec<&str> = people.iter().map(|person| person.actor.name.as_str()).collect();
    assert_eq!(names, ["ada", "x\\u{1b}[2J\\u{202e}"]);
    assert_eq!(people[0].actor.source, "approvals of run 42 of acme/shop");
    let rejected = approvals_of_run(&asked("42", "acme/shop", false), &http(), &run).await.expect("answered");
    assert_eq!(rejected.first().and_then(|person| person.comment.as_deref()), Some("no"));
    for (number, repository) in
        [("43", "acme/shop"), ("42/../x", "acme/shop"), ("42", "acme"), ("42", "a/../b"), ("", "a/b")]
    {
        let refused = approvals_of_run(&asked(number, repository, true), &http(), &run).await;
        assert!(matches!(refused, Err(Error::GitHub { .. })), "{number} {repository}: {refused:?}");
    }
}
