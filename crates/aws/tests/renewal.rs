//! Keys that are over in the middle: renewed once, for reads and writes alike, and told where they cannot be.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use landfall_artifacts::{Class, Explain as _, Problem};
use landfall_aws::{
    AwsConfig, AwsFailure, AwsKeys, Call, Endpoints, Expected, HeldKeys, KeyCheck, KeySource, Nature,
    Renewed, Renewing, Service, WebIdentity, assume_role_with_web_identity,
};
use landfall_run::{RetryPolicy, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};

const WHO: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
const OVER: &str =
    "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>over</Message></Error></ErrorResponse>";

/// Takes the keys `ASIATWO` and says of all others that they are over. Counts requests.
async fn service() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = Router::new().fallback(move |headers: HeaderMap| {
        count.fetch_add(1, Ordering::SeqCst);
        let signature = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let good = signature.is_some_and(|text| text.contains("Credential=ASIATWO/"));
        let answer = if good { (StatusCode::OK, WHO) } else { (StatusCode::FORBIDDEN, OVER) };
        async move { ([(header::CONTENT_TYPE, "text/xml")], answer).into_response() }
    });
    (serve(app).await, asked)
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[derive(Debug)]
struct Source {
    answer: Result<&'static str, Problem>,
    asked: AtomicUsize,
}

impl KeySource for Source {
    fn renew(&self) -> Renewed<'_> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.answer.clone().map(keys).map_err(Into::into)
        })
    }
}

fn keys(id: &str) -> AwsKeys {
    AwsKeys::new(id, Secret::new("secret-key-value"), Some(Secret::new("session-token-value")))
}

fn run() -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).build()
}

fn config(address: SocketAddr, source: &Arc<Source>, run: &Run) -> AwsConfig {
    let endpoints = Endpoints { general: Some(format!("http://{address}")), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    let source = Arc::<Source>::clone(source) as Arc<dyn KeySource>;
    let held = HeldKeys::renewed(keys("ASIAONE"), Renewing::by(source), run);
    AwsConfig::with_held("eu-west-2", held, endpoints, http).expect("a configuration")
}

fn source(answer: Result<&'static str, Problem>) -> Arc<Source> {
    Arc::new(Source { answer, asked: AtomicUsize::new(0) })
}

async fn ask(client: &aws_sdk_sts::Client, nature: Nature, run: &Run) -> Result<(), AwsFailure> {
    let what = Call { service: Service::Sts, operation: "GetCallerIdentity", nature, limiter: None };
    landfall_aws::call(run, what, || client.get_caller_identity().send()).await.map(|_| ())
}

#[tokio::test]
async fn keys_that_end_in_the_middle_are_renewed_once_and_the_call_is_made_again() {
    for nature in [Nature::Read, Nature::Write, Nature::Confirm] {
        let (address, asked) = service().await;
        let (source, run) = (source(Ok("ASIATWO")), run());
        let sdk = config(address, &source, &run).sdk_config(Service::Sts).expect("a configuration");
        let client = aws_sdk_sts::Client::new(&sdk);
        let all = (0..8).map(|_| ask(&client, nature, &run));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(Result::is_ok), "{nature:?}: {all:?}");
        assert_eq!(source.asked.load(Ordering::SeqCst), 1, "one login for all");
        let before = asked.load(Ordering::SeqCst);
        ask(&client, nature, &run).await.expect("answered");
        assert_eq!(
            asked.load(Ordering::SeqCst),
            before + 1,
            "clients that were made before sign with the new keys"
        );
        assert!(run.redactor().finds_secret_in("session-token-value"));
    }
}

#[tokio::test]
async fn keys_that_cannot_be_renewed_end_the_call_with_the_reason() {
    let refused = Problem::new("LF-VAULT-LOGIN", Class::Refused, "Vault refused the login")
        .with_remedy("make a new secret id");
    let sealed = Problem::new("LF-VAULT-SEALED", Class::Transient, "Vault is sealed");
    for (problem, class) in [(refused, Class::Refused), (sealed, Class::Transient)] {
        let (address, asked) = service().await;
        let (source, run) = (source(Err(problem.clone())), run());
        let sdk = config(address, &source, &run).sdk_config(Service::Sts).expect("a configuration");
        let client = aws_sdk_sts::Client::new(&sdk);
        for _ in 0..2 {
            let failed = ask(&client, Nature::Write, &run).await.expect_err("no keys");
            assert_eq!((failed.code(), failed.class()), ("LF-AWS-EXPIRED", class));
            let told = Problem::of(&failed);
            assert!(
                told.what.contains("could not be renewed") && told.cause == [problem.what.clone()],
                "{told:?}"
            );
            assert!(problem.remedy.is_none() || told.remedy == problem.remedy, "{told:?}");
        }
        assert_eq!((asked.load(Ordering::SeqCst), source.asked.load(Ordering::SeqCst)), (2, 1));
    }
}

#[tokio::test]
async fn new_keys_that_are_over_as_well_are_not_renewed_for_ever() {
    let (address, asked) = service().await;
    let (source, run) = (source(Ok("ASIATHREE")), run());
    let sdk = config(address, &source, &run).sdk_config(Service::Sts).expect("a configuration");
    let failed = ask(&aws_sdk_sts::Client::new(&sdk), Nature::Read, &run).await.expect_err("over");
    assert_eq!((failed.code(), failed.class()), ("LF-AWS-EXPIRED", Class::Refused));
    assert_eq!((asked.load(Ordering::SeqCst), source.asked.load(Ordering::SeqCst)), (2, 1));
}

/// What STS says of keys that were renewed, in its order; each time once.
async fn whose(answers: &[(u16, &'static str)]) -> SocketAddr {
    let left = Arc::new(Mutex::new(answers.to_vec()));
    let app = Router::new().fallback(move || {
        let (status, arn) = left.lock().expect("nobody panics").remove(0);
        let said = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>u</UserId>\
             <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        let status = StatusCode::from_u16(status).expect("a status");
        async move { (status, [(header::CONTENT_TYPE, "text/xml")], said).into_response() }
    });
    serve(app).await
}

fn checked(address: SocketAddr, source: &Arc<Source>, run: &Run) -> HeldKeys {
    let expected = Expected {
        account: Some("123456789012".to_owned()),
        role_arn: Some("arn:aws:iam::123456789012:role/Deployer".to_owned()),
    };
    let endpoints = Endpoints { general: Some(format!("http://{address}")), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    let check = KeyCheck::new(expected, "eu-west-2", endpoints, &http);
    let source = Arc::<Source>::clone(source) as Arc<dyn KeySource>;
    HeldKeys::renewed(keys("ASIAONE"), Renewing::by(source).checked(check), run)
}

const OURS: &str = "arn:aws:sts::123456789012:assumed-role/Deployer/s";

#[tokio::test]
async fn renewed_keys_of_somebody_else_are_given_to_nobody() {
    for (arn, code) in [
        (OURS, None),
        ("arn:aws:sts::123456789012:assumed-role/Reader/s", Some("LF-AWS-ROLE")),
        ("arn:aws:iam::123456789012:user/Deployer", Some("LF-AWS-ROLE")),
    ] {
        let address = whose(&[(200, arn)]).await;
        let (source, run) = (source(Ok("ASIATWO")), run());
        let held = checked(address, &source, &run);
        for _ in 0..2 {
            let given = held.renew("ASIAONE").await;
            assert_eq!(given.as_ref().err().map(|refused| refused.problem.code.as_str()), code, "{given:?}");
            let holds = if code.is_none() { "ASIATWO" } else { "ASIAONE" };
            assert_eq!(
                (held.current().await.access_key_id.as_str(), held.held().access_key_id.as_str()),
                (holds, holds)
            );
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 1, "keys of another role come again");
    }
}

/// The pause is waited for, so that the clock is tokio's.
#[tokio::test(start_paused = true)]
async fn no_second_login_is_made_to_find_out_whose_the_keys_of_the_first_are() {
    let address = whose(&[(503, ""), (200, OURS)]).await;
    let once = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
    let clock = landfall_run::Clock::starting(time::macros::datetime!(2026-11-20 12:00:00 UTC));
    let run = Run::builder().retry_policy(once).clock(clock).build();
    let source = source(Ok("ASIATWO"));
    let held = checked(address, &source, &run);
    assert_eq!(held.renew("ASIAONE").await.expect_err("STS is down").problem.class, Class::Transient);
    assert_eq!(held.held().access_key_id, "ASIAONE");
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(held.renew("ASIAONE").await.expect("known by now").access_key_id, "ASIATWO");
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

/// Answers HEAD of S3 as S3 does, without a word, unless it is signed with `ASIATWO`; and STS, which knows who is over.
async fn wordless(sts: &'static str) -> (SocketAddr, Arc<Mutex<Vec<&'static str>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let app = Router::new().fallback(move |headers: HeaderMap, body: String| {
        let signature = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let good = signature.is_some_and(|text| text.contains("Credential=ASIATWO/"));
        let is_probe = body.contains("GetCallerIdentity");
        seen.lock().expect("nobody panics").push(if is_probe { "probe" } else { "call" });
        let (status, said) = match (is_probe, good) {
            (true, _) if sts == OVER => (StatusCode::FORBIDDEN, OVER),
            (true, _) => (StatusCode::OK, sts),
            (false, true) => (StatusCode::OK, KNOWN),
            (false, false) => (StatusCode::BAD_REQUEST, ""),
        };
        async move { (status, [(header::CONTENT_TYPE, "text/xml")], said).into_response() }
    });
    (serve(app).await, asked)
}

const KNOWN: &str = "<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>123456789012</Account>\
    </GetAccessKeyInfoResult></GetAccessKeyInfoResponse>";

/// A call that the double takes for one of S3: what is looked at is service and answer.
async fn head(config: &AwsConfig, run: &Run) -> Result<(), AwsFailure> {
    let sdk = config.sdk_config(Service::Sts).expect("a configuration");
    let client = aws_sdk_sts::Client::new(&sdk);
    let what = Call { service: Service::S3, operation: "HeadObject", nature: Nature::Read, limiter: None };
    landfall_aws::call(run, what, || client.get_access_key_info().access_key_id("ASIA").send())
        .await
        .map(|_| ())
}

#[tokio::test]
async fn a_wordless_400_is_taken_for_dead_keys_where_sts_says_so_and_not_else() {
    let (address, asked) = wordless(OVER).await;
    let (dead, run) = (source(Ok("ASIATWO")), run());
    head(&config(address, &dead, &run), &run).await.expect("renewed");
    assert_eq!(*asked.lock().expect("nobody panics"), ["call", "probe", "call"]);
    assert_eq!(dead.asked.load(Ordering::SeqCst), 1);

    let (address, asked) = wordless(WHO).await;
    let alive = source(Ok("ASIATWO"));
    let failed = head(&config(address, &alive, &run), &run).await.expect_err("a bad request");
    assert_eq!((failed.code(), failed.class()), ("LF-AWS-REFUSED", Class::Refused));
    assert_eq!(*asked.lock().expect("nobody panics"), ["call", "probe"]);
    assert_eq!(alive.asked.load(Ordering::SeqCst), 0);

    // Keys that cannot be renewed are at least called by their name.
    for (ends, sts, calls) in [(None, OVER, 2), (Some(time::OffsetDateTime::UNIX_EPOCH), WHO, 1)] {
        let (address, asked) = wordless(sts).await;
        let endpoints = Endpoints { general: Some(format!("http://{address}")), ..Endpoints::default() };
        let http = Http::new(HttpConfig::default()).expect("a client");
        let fixed =
            AwsConfig::new("eu-west-2", keys("ASIAONE").expiring(ends), endpoints, http).expect("keys");
        let failed = head(&fixed, &run).await.expect_err("over");
        assert_eq!((failed.code(), asked.lock().expect("nobody panics").len()), ("LF-AWS-EXPIRED", calls));
    }
}

#[tokio::test]
async fn the_request_for_a_role_is_not_signed_and_says_what_the_reference_says() {
    let seen = Arc::new(Mutex::new((HeaderMap::new(), String::new())));
    let kept = Arc::clone(&seen);
    let app = Router::new().fallback(move |headers: HeaderMap, body: String| {
        *kept.lock().expect("nobody panics") = (headers, body);
        let answer = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>s</SubjectFromWebIdentityToken><Audience>a</Audience>\
            <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/D/gl-1</Arn><AssumedRoleId>AROA:gl-1</AssumedRoleId>\
            </AssumedRoleUser><Credentials><SessionToken>session-token-value</SessionToken><SecretAccessKey>secret-key-value\
            </SecretAccessKey><Expiration>2026-11-20T13:00:00Z</Expiration><AccessKeyId>ASIATWO</AccessKeyId></Credentials>\
            </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
        async move { ([(header::CONTENT_TYPE, "text/xml")], answer).into_response() }
    });
    let endpoints =
        Endpoints { general: Some(format!("http://{}", serve(app).await)), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    let config = AwsConfig::without_keys("eu-west-2", endpoints, http).expect("a configuration");
    let asked = WebIdentity {
        role_arn: "arn:aws:iam::123456789012:role/D".to_owned(),
        session_name: "gl-1".to_owned(),
        token: Secret::new("header.claims.signature"),
        ttl: Duration::from_secs(900),
    };
    let run = run();
    let given = assume_role_with_web_identity(&config, &asked, &run).await.expect("an answer").expect("keys");
    assert_eq!(
        (given.keys.access_key_id.as_str(), given.arn.as_str()),
        ("ASIATWO", "arn:aws:sts::123456789012:assumed-role/D/gl-1")
    );
    assert_eq!(given.keys.expires_at, Some(time::macros::datetime!(2026-11-20 13:00:00 UTC)));
    let (headers, body) = seen.lock().expect("nobody panics").clone();
    for name in ["authorization", "x-amz-security-token", "x-amz-date"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(
        body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FD&\
         RoleSessionName=gl-1&WebIdentityToken=header.claims.signature&DurationSeconds=900"
    );
    for secret in ["header.claims.signature", "secret-key-value", "session-token-value"] {
        assert!(run.redactor().finds_secret_in(secret), "{secret}");
    }
}
