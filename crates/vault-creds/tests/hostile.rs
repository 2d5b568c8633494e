//! A server that sends elsewhere: the foreign host sees nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use landfall_artifacts::{Class, Explain};
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, Step, VaultConfig, VaultLogin, fetch};

const TOKEN: &str = r#"{"auth":{"client_token":"hvs.token-value","token_type":"service"}}"#;

async fn serve(host: &str, app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((host, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn watched(host: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let app = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { TOKEN }
    });
    (serve(host, app).await, seen)
}

async fn redirected(status: StatusCode, location: String, at: &'static str) -> (Error, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = Router::new().fallback(move |uri: Uri| {
        count.fetch_add(1, Ordering::SeqCst);
        let location = location.clone();
        async move {
            if uri.path().contains(at) {
                (status, [(header::LOCATION, location)], String::new())
            } else {
                (StatusCode::OK, [(header::LOCATION, String::new())], TOKEN.to_owned())
            }
        }
    });
    let own = serve("127.0.0.1", app).await;
    let config = VaultConfig::new(
        &format!("http://{own}"),
        VaultLogin::app_role("role", Secret::new("secret-id")),
        "aws/sts/deployer",
    );
    let http = Http::new(HttpConfig::default()).expect("a client");
    let error = fetch(&config, &http, &Run::builder().build()).await.expect_err("refused");
    (error, asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_redirect_of_the_login_to_another_host_is_refused() {
    for status in [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT, StatusCode::FOUND] {
        let (foreign, seen) = watched("127.0.0.2").await;
        let (error, asked) =
            redirected(status, format!("http://{foreign}/v1/auth/approle/login?x=y"), "login").await;
        assert!(matches!(error, Error::Redirected { step: Step::Login, .. }), "{error:?}");
        assert_eq!((error.code(), error.class()), ("LF-VAULT-REDIRECT", Class::Refused));
        assert!(error.to_string().contains("127.0.0.2") && !error.to_string().contains("x=y"), "{error}");
        assert_eq!((asked, seen.load(Ordering::SeqCst)), (1, 0));
    }
}

#[tokio::test]
async fn a_redirect_with_the_token_to_another_port_is_refused() {
    let (foreign, seen) = watched("127.0.0.1").await;
    let to = format!("http://{foreign}/v1/aws/sts/deployer");
    let (error, asked) = redirected(StatusCode::TEMPORARY_REDIRECT, to, "sts").await;
    assert!(matches!(error, Error::Redirected { step: Step::Keys, .. }), "{error:?}");
    assert_eq!((asked, seen.load(Ordering::SeqCst)), (3, 0), "login, keys, and the token given back");
}
