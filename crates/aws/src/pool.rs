//! The connections of a run: one pool for TLS and one for plain http, each made when it is first needed.

use std::sync::OnceLock;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use base64::Engine as _;
use landfall_transport::Http;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::Error;

/// Connectors to be wrapped by a guard; nothing else uses them.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    tls: OnceLock<SharedHttpConnector>,
    plain: OnceLock<SharedHttpConnector>,
    patient_tls: OnceLock<SharedHttpConnector>,
    patient_plain: OnceLock<SharedHttpConnector>,
}

impl Pool {
    /// A connector. A `patient` one leaves it to the timeout of each attempt how long an answer may take: an upload counts as
    /// waiting for the answer, and a large one takes longer than any silence may, as does a function that is invoked.
    pub(crate) fn connector(
        &self,
        http: &Http,
        tls: bool,
        patient: bool,
    ) -> Result<SharedHttpConnector, Error> {
        let slot = match (tls, patient) {
            (true, false) => &self.tls,
            (false, false) => &self.plain,
            (true, true) => &self.patient_tls,
            (false, true) => &self.patient_plain,
        };
        if let Some(made) = slot.get() {
            return Ok(made.clone());
        }
        let made = SharedHttpConnector::new(connector(http, tls, patient)?);
        Ok(slot.get_or_init(|| made).clone())
    }
}

fn connector(http: &Http, tls: bool, patient: bool) -> Result<Connector, Error> {
    let config = http.config();
    let trust = if tls { trusted(http.trust().pem()) } else { TrustStore::empty() };
    let settings = HttpConnectorSettings::builder().connect_timeout(config.connect_timeout);
    let settings = if patient { settings } else { settings.read_timeout(config.idle_timeout) }.build();
    let context = TlsContext::builder().with_trust_store(trust).build().map_err(|_| Error::Proxy)?;
    Ok(ConnectorBuilder::default()
        .connector_settings(settings)
        .pool_idle_timeout(std::time::Duration::from_secs(45))
        .proxy_config(proxy(http, tls)?)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build())
}

fn proxy(http: &Http, tls: bool) -> Result<ProxyConfig, Error> {
    let proxy = &http.config().proxy;
    let bypass = format!("localhost,127.0.0.0/8,::1,{}", proxy.bypass);
    let config = match (tls, &proxy.https, &proxy.http) {
        (true, Some(address), _) => ProxyConfig::https(address.as_str()),
        (false, _, Some(address)) => ProxyConfig::http(address.as_str()),
        (true, None, _) | (false, _, None) => return Ok(ProxyConfig::disabled()),
    };
    Ok(config.map_err(|_| Error::Proxy)?.no_proxy(bypass))
}

/// The certificates that can be parsed, written anew: the connector panics at one that cannot.
fn trusted(pem: &[Vec<u8>]) -> TrustStore {
    let mut store = TrustStore::empty();
    for certificate in pem.iter().flat_map(|text| CertificateDer::pem_slice_iter(text)).filter_map(Result::ok)
    {
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            store.add_pem_certificate(as_pem(&certificate));
        }
    }
    store
}

fn as_pem(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut pem = b"-----BEGIN CERTIFICATE-----\n".to_vec();
    for line in text.as_bytes().chunks(64) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
    pem
}
