//! What an AWS client is told.

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use landfall_secret::Origin;
use landfall_transport::Http;

use crate::connector::GuardedConnector;
use crate::pool::Pool;
use crate::{AwsKeys, Error, HeldKeys, Service};

/// Where services are, in place of AWS's own endpoints: an address such as `http://127.0.0.1:4566`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// For every service without an address of its own (`AWS_ENDPOINT_URL`).
    pub general: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`.
    pub sts: Option<String>,
    /// `AWS_ENDPOINT_URL_ECR`.
    pub ecr: Option<String>,
    /// `AWS_ENDPOINT_URL_LAMBDA`.
    pub lambda: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`.
    pub s3: Option<String>,
}

/// Region, keys, endpoints, and the HTTP settings of the run. Cloning is cheap; clones share connections.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    region: String,
    keys: Option<HeldKeys>,
    endpoints: Endpoints,
    http: Http,
    pool: Arc<Pool>,
}

impl AwsConfig {
    /// Checks region and keys. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Region`] where the text cannot be a region (lower-case letters, digits and hyphens, at most 32),
    /// [`Error::Keys`] where a key is empty.
    pub fn new(region: &str, keys: AwsKeys, endpoints: Endpoints, http: Http) -> Result<Self, Error> {
        let config = Self::without_keys(region, endpoints, http)?;
        check(&keys)?;
        Ok(Self { keys: Some(HeldKeys::fixed(keys)), ..config })
    }

    /// The same with keys that may be renewed while the run goes on.
    ///
    /// # Errors
    /// [`Error::Region`].
    pub fn with_held(region: &str, keys: HeldKeys, endpoints: Endpoints, http: Http) -> Result<Self, Error> {
        Ok(Self { keys: Some(keys), ..Self::without_keys(region, endpoints, http)? })
    }

    /// The same without keys: only for calls that are not signed.
    ///
    /// # Errors
    /// [`Error::Region`].
    pub fn without_keys(region: &str, endpoints: Endpoints, http: Http) -> Result<Self, Error> {
        check_region(region)?;
        Ok(Self { region: region.to_owned(), keys: None, endpoints, http, pool: Arc::default() })
    }

    /// The same for another region.
    ///
    /// # Errors
    /// [`Error::Region`] where the text cannot be a region.
    pub fn in_region(&self, region: &str) -> Result<Self, Error> {
        check_region(region)?;
        Ok(Self { region: region.to_owned(), ..self.clone() })
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the keys have a session token. Those of a user have none.
    pub fn is_temporary(&self) -> bool {
        self.keys.as_ref().is_some_and(HeldKeys::is_temporary)
    }

    /// The keys, where there are some.
    pub(crate) fn keys(&self) -> Option<&HeldKeys> {
        self.keys.as_ref()
    }

    /// The same with other keys, which stay as they are.
    pub(crate) fn with_fixed(&self, keys: AwsKeys) -> Self {
        Self { keys: Some(HeldKeys::fixed(keys)), ..self.clone() }
    }

    /// The HTTP client of the run, for requests of our own.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Whether a service is one that this machine itself plays, as the sandbox does.
    pub fn is_loopback(&self, service: Service) -> bool {
        self.origin(service).is_ok_and(|origin| origin.is_loopback())
    }

    /// Scheme, host and port of a service: what its requests are bound to.
    ///
    /// # Errors
    /// [`Error::Endpoint`] where the address is odd, link-local, or plain http that is not allowed.
    pub fn origin(&self, service: Service) -> Result<Origin, Error> {
        let site = self
            .http
            .site(service.name(), &self.address(service), None)
            .map_err(|cause| Error::Endpoint { service, cause: Box::new(cause) })?;
        Ok(site.origin().clone())
    }

    /// The configuration of one service's SDK client: pinned behaviour version, one attempt, these keys and no others, and
    /// a connector that speaks to the service's endpoint alone.
    ///
    /// # Errors
    /// [`Error::Endpoint`], [`Error::Proxy`].
    pub fn sdk_config(&self, service: Service) -> Result<SdkConfig, Error> {
        let origin = self.origin(service)?;
        // Archives take their time to pass, and functions theirs to answer.
        let patient = matches!(service, Service::S3 | Service::Lambda);
        let inner = self.pool.connector(&self.http, origin.is_tls(), patient)?;
        let settings = self.http.config();
        let attempt = settings.connect_timeout + settings.idle_timeout;
        let mut builder = SdkConfig::builder();
        if let Some(keys) = &self.keys {
            builder = builder.credentials_provider(SharedCredentialsProvider::new(keys.clone()));
        }
        Ok(builder
            // Each request asks for the keys anew: a cache of the SDK would go on with those that were renewed meanwhile.
            .identity_cache(IdentityCache::no_cache())
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.region.clone()))
            .endpoint_url(self.address(service))
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(settings.connect_timeout)
                    .read_timeout(settings.idle_timeout)
                    .operation_attempt_timeout(attempt)
                    .build(),
            )
            .sleep_impl(TokioSleep::new())
            .http_client(GuardedConnector::new(origin, inner, self.clone()))
            .build())
    }

    fn address(&self, service: Service) -> String {
        let own = match service {
            Service::Sts => &self.endpoints.sts,
            Service::Ecr => &self.endpoints.ecr,
            Service::Lambda => &self.endpoints.lambda,
            Service::S3 => &self.endpoints.s3,
        };
        own.as_ref()
            .or(self.endpoints.general.as_ref())
            .cloned()
            .unwrap_or_else(|| service.endpoint(&self.region))
    }
}

fn check(keys: &AwsKeys) -> Result<(), Error> {
    if keys.access_key_id.is_empty() {
        return Err(Error::Keys { what: "access key id" });
    }
    if keys.secret_access_key.is_empty() {
        return Err(Error::Keys { what: "secret access key" });
    }
    Ok(())
}

fn check_region(region: &str) -> Result<(), Error> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (3..=32).contains(&region.len())
        && region.bytes().all(allowed)
        && region.contains('-')
        && !region.starts_with('-')
        && !region.ends_with('-');
    if fits { Ok(()) } else { Err(Error::Region { shown: landfall_secret::escape(region, 60) }) }
}
