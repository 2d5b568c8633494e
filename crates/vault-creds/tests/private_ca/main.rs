//! A Vault whose certificate a CA of the house signed: taken where that CA is named, and told nothing where it is not.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RetryPolicy, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, VaultConfig, VaultLogin, fetch};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

/// The CA and what it signed for 127.0.0.1, until 2126. Its own key is not kept.
const CA: &[u8] = include_bytes!("ca.pem");
const SERVER: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server.key.pem");

/// Refuses every login, as Vault does. Counts the requests that it could read.
async fn vault() -> (String, Arc<AtomicUsize>) {
    let chain = CertificateDer::pem_slice_iter(SERVER).collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("https://{}", listener.local_addr().expect("an address"));
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&read);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if stream.read(&mut [0; 8192]).await.is_ok_and(|bytes| bytes > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let body = r#"{"errors":["invalid role or secret ID"]}"#;
                let head = format!(
                    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, read)
}

async fn ask(address: &str, http: HttpConfig) -> Error {
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    let run = Run::builder().retry_policy(quick).build();
    let config =
        VaultConfig::new(address, VaultLogin::app_role("role", Secret::new("secret-id")), "aws/sts/deployer");
    fetch(&config, &Http::new(http).expect("a client"), &run).await.expect_err("no login is good here")
}

#[tokio::test]
async fn a_ca_that_is_named_is_trusted_and_another_is_told_nothing() {
    let (address, read) = vault().await;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(CA).expect("written");
    let named = HttpConfig { ca_file: Some(file.path().to_owned()), ..HttpConfig::default() };
    let refused = ask(&address, named).await;
    assert_eq!((refused.code(), read.load(Ordering::SeqCst)), ("LF-VAULT-LOGIN", 1), "{refused}");

    // The certificate of somebody else, for there must be one to trust.
    let mut other = tempfile::NamedTempFile::new().expect("a file");
    other.write_all(SERVER).expect("written");
    let another = HttpConfig { ca_file: Some(other.path().to_owned()), ..HttpConfig::default() };
    let untrusted = ask(&address, another).await;
    assert_eq!(untrusted.class(), Class::Refused, "{untrusted}");
    assert!(matches!(untrusted, Error::Transport { .. }), "{untrusted:?}");
    assert_eq!(read.load(Ordering::SeqCst), 1, "no byte of a request went there");
}
