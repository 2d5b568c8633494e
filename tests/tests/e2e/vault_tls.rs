//! A Vault whose certificate nobody here signed: it is told nothing, whatever switches of Vault's own client are set.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use crate::world::World;

/// Signed by a CA of its own for 127.0.0.1, until 2126.
const SERVER: &[u8] = include_bytes!("../../../crates/vault-creds/tests/private_ca/server.pem");
const KEY: &[u8] = include_bytes!("../../../crates/vault-creds/tests/private_ca/server.key.pem");

/// A server that says nothing and counts what it could read of requests.
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
                count.fetch_add(stream.read(&mut [0; 8192]).await.unwrap_or_default(), Ordering::SeqCst);
            });
        }
    });
    (address, read)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_turns_the_check_of_certificates_off_has_no_effect_and_is_told() {
    let (address, read) = vault().await;
    let mut world = World::small().await;
    world.set("HCV_URL", &address);
    world.set("VAULT_ADDR", &address);
    for (name, value) in
        [("VAULT_SKIP_VERIFY", "true"), ("VAULT_SKIP_VERIFY", "1"), ("VAULT_CACERT", "/dev/null")]
    {
        world.set(name, value);
        let ran = world.run(&["aws-credentials"]).await.expect(3);
        let told = format!("{name} is without effect here");
        assert!(ran.stderr.contains(&told) && ran.stderr.contains("--ca-file"), "{}", ran.stderr);
        assert_eq!(read.load(Ordering::SeqCst), 0, "{name}: a byte of a request went there");
        world.unset(name);
    }
    assert!(!world.path("aws_auth.env").exists());
}
