//! The guarded connector and the classes of failure, against servers on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use landfall_artifacts::{Class, Explain};
use landfall_aws::{AwsConfig, AwsFailure, AwsKeys, Call, Endpoints, Error, FailureKind, Nature, Service};
use landfall_run::{Hint, RateLimiter, RetryPolicy, Run, Share, Signal};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};

const WHO: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::123456789012:assumed-role/deployer/gl-1</Arn><UserId>AROA:gl-1</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>01234567</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;

/// A server that gives each request the next of the answers, the last for ever.
async fn serve(host: &str, answers: Vec<(StatusCode, HeaderMap, String)>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind((host, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let app = Router::new().fallback(move |_: Uri| {
        let at = count.fetch_add(1, Ordering::SeqCst);
        let answer = answers.get(at).or(answers.last()).cloned();
        async move { answer.expect("at least one answer").into_response() }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

fn xml(status: u16, body: &str) -> (StatusCode, HeaderMap, String) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "text/xml".parse().expect("a value"));
    (StatusCode::from_u16(status).expect("a status"), headers, body.to_owned())
}

fn refusal(status: u16, code: &str, message: &str) -> (StatusCode, HeaderMap, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>"
    );
    xml(status, &body)
}

fn config(address: &str) -> AwsConfig {
    let keys = AwsKeys::new(
        "ASIAEXAMPLE",
        Secret::new("secret-key-value"),
        Some(Secret::new("session-token-value")),
    );
    let endpoints = Endpoints { general: Some(address.to_owned()), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    AwsConfig::new("eu-west-2", keys, endpoints, http).expect("a configuration")
}

fn run() -> Run {
    let quick =
        RetryPolicy { base: std::time::Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).build()
}

async fn who(address: SocketAddr, run: &Run) -> Result<landfall_aws::Identity, AwsFailure> {
    landfall_aws::caller_identity(&config(&format!("http://{address}")), run).await
}

#[tokio::test]
async fn the_identity_is_read_and_counted() {
    let (address, _) = serve("127.0.0.1", vec![xml(200, WHO)]).await;
    let run = run();
    let identity = who(address, &run).await.expect("an identity");
    assert_eq!(identity.account, "123456789012");
    assert!(identity.arn.ends_with(":assumed-role/deployer/gl-1"));
    assert_eq!(run.counters().requests().get("sts.GetCallerIdentity"), Some(&1));
}

#[tokio::test]
async fn another_origin_than_the_endpoint_sees_nothing() {
    let (own, own_seen) = serve("127.0.0.1", vec![xml(200, WHO)]).await;
    let (foreign, foreign_seen) = serve("127.0.0.2", vec![xml(200, WHO)]).await;
    let sdk = config(&format!("http://{own}")).sdk_config(Service::Sts).expect("a configuration");
    let moved = aws_sdk_sts::config::Builder::from(&sdk).endpoint_url(format!("http://{foreign}")).build();
    let client = aws_sdk_sts::Client::from_conf(moved);
    let what =
        Call { service: Service::Sts, operation: "GetCallerIdentity", nature: Nature::Write, limiter: None };
    let failed =
        landfall_aws::call(&run(), what, || client.get_caller_identity().send()).await.expect_err("refused");
    assert_eq!(failed.kind, FailureKind::Endpoint);
    assert_eq!(failed.class(), Class::Input);
    assert_eq!((own_seen.load(Ordering::SeqCst), foreign_seen.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (foreign, foreign_seen) = serve("127.0.0.2", vec![xml(200, WHO)]).await;
    let mut answer = xml(307, "");
    answer.1.insert(header::LOCATION, format!("http://{foreign}/").parse().expect("a value"));
    let (own, own_seen) = serve("127.0.0.1", vec![answer]).await;
    let failed = who(own, &run()).await.expect_err("no identity");
    assert_eq!(own_seen.load(Ordering::SeqCst), 1, "{failed}");
    assert_eq!(foreign_seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn endpoints_that_may_not_be_spoken_to_are_refused() {
    for bad in ["http://169.254.169.254", "http://sts.example.com", "ftp://127.0.0.1", "http://u:p@127.0.0.1"]
    {
        let refused = config(bad).sdk_config(Service::Sts);
        assert!(matches!(refused, Err(Error::Endpoint { .. })), "{bad}");
    }
    let http = Http::new(HttpConfig::default()).expect("a client");
    let keys = AwsKeys::new("AKIA", Secret::new("s"), None);
    for bad in ["", "x", "eu-west-2.evil.example/", "eu west", "EU-WEST-2", "-a-"] {
        let refused = AwsConfig::new(bad, keys.clone(), Endpoints::default(), http.clone());
        assert!(matches!(refused, Err(Error::Region { .. })), "{bad}");
    }
}

#[tokio::test]
async fn throttling_is_repeated_and_refusals_are_not() {
    let (address, seen) =
        serve("127.0.0.1", vec![refusal(400, "Throttling", "Rate exceeded"), xml(503, ""), xml(200, WHO)])
            .await;
    let run = run();
    who(address, &run).await.expect("an identity after two passing faults");
    assert_eq!((seen.load(Ordering::SeqCst), run.counters().retries()), (3, 2));

    let cases = [
        ("ExpiredToken", 403, FailureKind::Expired, "run aws-credentials again"),
        ("AccessDenied", 403, FailureKind::Denied, "allow sts:GetCallerIdentity"),
        ("InvalidClientTokenId", 403, FailureKind::Keys, "run aws-credentials again"),
        ("SignatureDoesNotMatch", 403, FailureKind::Keys, "clock"),
    ];
    for (code, status, kind, remedy) in cases {
        let (address, seen) =
            serve("127.0.0.1", vec![refusal(status, code, "No.\nx-amz-security-token:abc")]).await;
        let failed = who(address, &run).await.expect_err("refused");
        assert_eq!(
            (failed.kind, failed.class(), failed.hint()),
            (kind, Class::Refused, Hint::Stop),
            "{code}"
        );
        assert!(failed.remedy().is_some_and(|text| text.contains(remedy)), "{code}");
        assert_eq!(seen.load(Ordering::SeqCst), 1, "{code}");
        assert!(!failed.to_string().contains("security-token"), "the first line alone is kept");
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_without_a_connection_is_not() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let cutting = tokio::spawn(async move {
        use tokio::io::AsyncReadExt as _;
        let mut taken = 0;
        while let Ok((mut connection, _)) = listener.accept().await {
            taken += 1;
            let _ = connection.read(&mut [0; 4096]).await;
            if taken == 1 {
                return;
            }
        }
    });
    let sdk = config(&format!("http://{address}")).sdk_config(Service::Sts).expect("a configuration");
    let client = aws_sdk_sts::Client::new(&sdk);
    let what =
        Call { service: Service::Sts, operation: "GetCallerIdentity", nature: Nature::Write, limiter: None };
    let run = run();
    let cut = landfall_aws::call(&run, what, || client.get_caller_identity().send()).await.expect_err("cut");
    assert_eq!((cut.kind, cut.class()), (FailureKind::Unanswered, Class::Unknown), "{cut:?}");
    assert_eq!(run.counters().retries(), 0, "a write whose fate is unknown is not repeated");
    cutting.await.expect("ended");
    let refused =
        landfall_aws::call(&run, what, || client.get_caller_identity().send()).await.expect_err("closed");
    assert_eq!((refused.kind, refused.class()), (FailureKind::NotConnected, Class::Transient), "{refused:?}");
    assert_eq!(run.counters().retries(), 2);
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let (address, _) = serve("127.0.0.1", vec![xml(200, &"x".repeat(9 << 20))]).await;
    let failed = who(address, &run()).await.expect_err("too long");
    assert_eq!(failed.kind, FailureKind::Answer, "{failed:?}");
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", config("http://127.0.0.1:1"));
    assert!(!shown.contains("secret-key-value") && !shown.contains("session-token-value"), "{shown}");
}

#[test]
fn awss_own_endpoints_need_certificates_and_nothing_else() {
    let http = Http::new(HttpConfig::default()).expect("a client");
    let keys = AwsKeys::new("AKIA", Secret::new("s"), None);
    let without_trust = http.trust().is_empty();
    let config = AwsConfig::new("eu-west-2", keys, Endpoints::default(), http).expect("a configuration");
    match config.sdk_config(Service::Lambda) {
        Ok(sdk) => assert_eq!(sdk.endpoint_url(), Some("https://lambda.eu-west-2.amazonaws.com")),
        Err(error) => assert!(without_trust && error.code() == "LF-AWS-ENDPOINT", "{error}"),
    }
}

#[tokio::test]
async fn no_write_is_begun_after_a_stop_and_what_confirms_is_read() {
    let (address, seen) = serve("127.0.0.1", vec![xml(200, WHO)]).await;
    let sdk = config(&format!("http://{address}")).sdk_config(Service::Sts).expect("a configuration");
    let client = aws_sdk_sts::Client::new(&sdk);
    let spent = RateLimiter::new(0.001, 1, Share::default());
    spent.turn().await;
    let run = run();
    let what = |nature, limiter| Call {
        service: Service::Sts,
        operation: "GetCallerIdentity",
        nature,
        limiter: Some(limiter),
    };
    let stop = async {
        tokio::task::yield_now().await;
        run.stop().request(Signal::Terminate);
    };
    let write = landfall_aws::call(&run, what(Nature::Write, &spent), || client.get_caller_identity().send());
    let (write, ()) = tokio::join!(write, stop);
    let failed = write.expect_err("its turn never came");
    assert_eq!((failed.kind, failed.class()), (FailureKind::Stopped, Class::Interrupted));
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    assert!(run.counters().requests().is_empty());

    let free = RateLimiter::new(1000.0, 1, Share::default());
    let send = || client.get_caller_identity().send();
    assert!(landfall_aws::call(&run, what(Nature::Write, &free), send).await.is_err());
    assert!(landfall_aws::call(&run, what(Nature::Confirm, &free), send).await.is_ok());
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_answered_after_a_stop_is_unknown() {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::SdkError;

    let run = run();
    run.stop().request(Signal::Terminate);
    let what = Call {
        service: Service::Lambda,
        operation: "UpdateFunctionCode",
        nature: Nature::Write,
        limiter: None,
    };
    let mute = std::future::pending::<Result<(), SdkError<GetCallerIdentityError, HttpResponse>>>;
    let failed = landfall_aws::call(&run, what, mute).await.expect_err("nobody answers");
    assert_eq!((failed.kind, failed.class()), (FailureKind::Unanswered, Class::Unknown));
}
