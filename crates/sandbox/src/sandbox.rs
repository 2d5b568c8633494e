//! All services, started together.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::actions_oidc::ActionsOidc;
use crate::ecr::{Ecr, EcrConfig};
use crate::fault::Faults;
use crate::foreign;
use crate::gitlab::GitLab;
use crate::issued::{Issued, IssuedKeys};
use crate::jira::{Jira, JiraConfig};
use crate::journal::{Journal, Service};
use crate::lambda::{Lambda, LambdaConfig};
use crate::options::SandboxOptions;
use crate::registry::{ArtifactoryAccess, EcrTokens, Registry, Storage};
use crate::s3::S3;
use crate::serve::{Core, serve};
use crate::sts::{Sts, TrustedRole};
use crate::vault::{AppRole, AwsRole, JwtRole, SecretUses, TokenKind, Vault, VaultConfig};

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A loopback address could not be bound.
    #[error("cannot listen on {address} for {service}")]
    Bind {
        /// Which service wanted it.
        service: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
}

/// Repository keys at Artifactory.
pub const BUILD_KEY: &str = "docker-build";
/// Repository key of release candidates.
pub const RC_KEY: &str = "docker-rc";
/// Repository key of releases.
pub const RELEASE_KEY: &str = "docker-release";
/// Virtual repository key that shows all of them. Pushes to it would go to [`BUILD_KEY`].
pub const VIRTUAL_KEY: &str = "docker";

/// The bucket of releases at S3.
pub const RELEASE_BUCKET: &str = "acme-releases";

pub(crate) const AWS_MOUNT_ROLE: &str = "deployer";

pub(crate) struct Secrets {
    pub(crate) role_id: String,
    pub(crate) secret_id: String,
    pub(crate) artifactory: ArtifactoryAccess,
    pub(crate) jira_token: String,
    pub(crate) gitlab_token: String,
    pub(crate) oidc_token: String,
}

/// Every service on a loopback port of its own, until it is dropped.
///
/// Starts tasks on the runtime it is made on; when the code under test is a child process that a test waits for, that runtime needs a thread of its own
/// (`flavor = "multi_thread"`). All handles may be used from any thread.
pub struct Sandbox {
    pub(crate) options: SandboxOptions,
    core: Arc<Core>,
    addresses: BTreeMap<Service, SocketAddr>,
    pub(crate) secrets: Secrets,
    static_keys: IssuedKeys,
    /// Vault.
    pub vault: Arc<Vault>,
    /// STS.
    pub sts: Arc<Sts>,
    /// The API of ECR.
    pub ecr: Arc<Ecr>,
    /// The registry behind ECR.
    pub ecr_registry: Arc<Registry>,
    /// Registry passwords that ECR gave out.
    pub ecr_tokens: Arc<EcrTokens>,
    /// Artifactory.
    pub artifactory: Arc<Registry>,
    /// A registry without a login that has every option of the distribution specification.
    pub plain_registry: Arc<Registry>,
    /// The host that blob downloads are redirected to.
    pub storage: Arc<Storage>,
    /// Lambda.
    pub lambda: Arc<Lambda>,
    /// S3, with the bucket [`RELEASE_BUCKET`].
    pub s3: Arc<S3>,
    /// Jira.
    pub jira: Arc<Jira>,
    /// GitLab, with a project `574` and a group `acme`.
    pub gitlab: Arc<GitLab>,
    /// GitHub's id tokens.
    pub actions_oidc: Arc<ActionsOidc>,
    /// AWS keys that work.
    pub issued: Arc<Issued>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sandbox").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Binds all ports and serves. Must be called within a Tokio runtime.
    pub async fn start(options: SandboxOptions) -> Result<Self, Error> {
        let mut listeners = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for service in Service::ALL {
            let listener = bind(service).await?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let address = listener.local_addr().map_err(|source| Error::Bind {
                service: service.name(),
                address,
                source,
            })?;
            addresses.insert(service, address);
            listeners.insert(service, listener);
        }
        let host = |service: Service| addresses.get(&service).map(ToString::to_string).unwrap_or_default();
        let secrets = Secrets::new(options.seed);

        let issued = Arc::new(Issued::new());
        let static_keys =
            issued.permanent(&options.account, &format!("arn:aws:iam::{}:user/sandbox", options.account));
        let storage = Storage::new(&format!("http://{}", host(Service::Storage)));
        let artifactory = Registry::artifactory(
            &host(Service::Artifactory),
            secrets.artifactory.clone(),
            &[BUILD_KEY, RC_KEY, RELEASE_KEY],
            Arc::clone(&storage),
        );
        artifactory.create_virtual_key(VIRTUAL_KEY, &[BUILD_KEY, RC_KEY, RELEASE_KEY], Some(BUILD_KEY));
        let plain_registry = Registry::plain(&host(Service::PlainRegistry), Arc::clone(&storage));
        let ecr_tokens = Arc::new(EcrTokens::new());
        let ecr_registry = Registry::ecr(
            &host(Service::EcrRegistry),
            Arc::clone(&ecr_tokens),
            Arc::clone(&issued),
            Arc::clone(&storage),
        );
        ecr_registry.create_repository(&options.ecr_repository, true);
        let ecr_config = EcrConfig {
            region: options.region.clone(),
            account: options.account.clone(),
            token_lifetime: options.ecr_token_lifetime,
        };
        let ecr =
            Ecr::new(ecr_config, Arc::clone(&issued), Arc::clone(&ecr_tokens), Arc::clone(&ecr_registry));
        let lookup = Arc::clone(&ecr_registry);
        let lambda_config = LambdaConfig {
            region: options.region.clone(),
            account: options.account.clone(),
            registry_host: Some(host(Service::EcrRegistry)),
            rates: options.lambda_rates,
            ..LambdaConfig::default()
        };
        let lambda = Lambda::new(
            lambda_config,
            Arc::clone(&issued),
            Arc::new(move |address: &str| lookup.image(address)),
        );
        let s3 = S3::new(&options.region, &options.account, Arc::clone(&issued));
        s3.create_bucket(RELEASE_BUCKET);
        let objects = Arc::clone(&s3);
        lambda.take_archives_from(Arc::new(move |bucket, key| {
            let bytes = objects.object(bucket, key)?.bytes;
            Some(STANDARD.encode(Sha256::digest(&bytes)))
        }));
        let jira = Jira::new(JiraConfig { token: secrets.jira_token.clone(), ..JiraConfig::default() });
        let gitlab = GitLab::new(&secrets.gitlab_token);
        let actions_oidc = ActionsOidc::new(&secrets.oidc_token);
        let sts = Sts::new(&options.region, Arc::clone(&issued));
        for (issuer, subject) in [("https://gitlab.test", "project_path:acme/shop"), actions_oidc.identity()]
        {
            sts.trust(TrustedRole {
                arn: role_arn(&options.account),
                issuer: issuer.to_owned(),
                audience: "sts.amazonaws.com".to_owned(),
                subject: subject.to_owned(),
                longest_session: Duration::from_secs(4 * 3600),
            });
        }
        let vault =
            vault(&options, &secrets, Arc::clone(&issued), &format!("http://{}", host(Service::Vault)));

        let core = Arc::new(Core::default());
        for (service, listener) in listeners {
            let router = match service {
                Service::Vault => vault.router(),
                Service::Sts => sts.router(),
                Service::EcrApi => ecr.router(),
                Service::EcrRegistry => ecr_registry.router(),
                Service::Artifactory => artifactory.router(),
                Service::PlainRegistry => plain_registry.router(),
                Service::Storage => storage.router(),
                Service::Lambda => lambda.router(),
                Service::S3 => s3.router(),
                Service::Jira => jira.router(),
                Service::GitLab => gitlab.router(),
                Service::ActionsOidc => actions_oidc.router(),
                Service::Foreign => foreign::router(),
            };
            serve(&core, service, listener, router);
        }
        Ok(Self {
            options,
            core,
            addresses,
            secrets,
            static_keys,
            vault,
            sts,
            ecr,
            ecr_registry,
            ecr_tokens,
            artifactory,
            plain_registry,
            storage,
            lambda,
            s3,
            jira,
            gitlab,
            actions_oidc,
            issued,
        })
    }

    /// What it was set up with.
    pub fn options(&self) -> &SandboxOptions {
        &self.options
    }

    /// Host and port of a service. The foreign one and the storage are on 127.0.0.2 where the system allows it.
    pub fn host(&self, service: Service) -> String {
        self.addresses.get(&service).map(ToString::to_string).unwrap_or_default()
    }

    /// `http://` and [`Sandbox::host`].
    pub fn url(&self, service: Service) -> String {
        format!("http://{}", self.host(service))
    }

    /// Gives a repository key of Artifactory a port of its own, as a reverse proxy does, and says where that is (`127.0.0.1:1234`).
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn docker_host(&self, key: &str) -> Result<String, Error> {
        let listener = bind(Service::Artifactory).await?;
        let failed = |source| Error::Bind {
            service: Service::Artifactory.name(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            source,
        };
        let address = listener.local_addr().map_err(failed)?;
        serve(&self.core, Service::Artifactory, listener, self.artifactory.router_of_key(key));
        Ok(address.to_string())
    }

    /// What was asked so far.
    pub fn journal(&self) -> &Journal {
        &self.core.journal
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// Names the process that [`crate::What::KillBefore`] and [`crate::What::KillAfter`] kill. They wait ten seconds for this call.
    pub fn set_child(&self, pid: u32) {
        self.core.child.set(pid);
    }

    /// Forgets the process; to be called when it has ended, since the system may give its number to another.
    pub fn clear_child(&self) {
        self.core.child.clear();
    }

    /// A duration of the world outside, in this sandbox.
    pub fn scaled(&self, time: Duration) -> Duration {
        let scale = if self.options.time_scale.is_finite() {
            self.options.time_scale.clamp(0.0, 1000.0)
        } else {
            1.0
        };
        time.mul_f64(scale)
    }

    /// AWS keys that work without Vault, for peers such as the AWS CLI.
    pub fn static_keys(&self) -> &IssuedKeys {
        &self.static_keys
    }

    /// The ARN of the role that Vault assumes.
    pub fn role_arn(&self) -> String {
        role_arn(&self.options.account)
    }

    /// A registry password for ECR (user `AWS`), without asking its API.
    pub fn ecr_password(&self) -> String {
        self.ecr_tokens.issue(&self.static_keys.access_key_id, self.options.ecr_token_lifetime).0
    }

    /// User and password of Artifactory.
    pub fn artifactory_access(&self) -> &ArtifactoryAccess {
        &self.secrets.artifactory
    }

    /// The token of a maintainer at GitLab.
    pub fn gitlab_token(&self) -> &str {
        &self.secrets.gitlab_token
    }

    /// What GitHub sets for a job that may ask for an id token: address and token of the request.
    pub fn actions_request(&self) -> (String, &str) {
        let address = format!("{}/_apis/pipelines/1/idtoken?api-version=2.0", self.url(Service::ActionsOidc));
        (address, &self.secrets.oidc_token)
    }

    /// Repository of an image at Artifactory, without the host: key, namespace, project.
    pub fn source_repository(&self, key: &str, project: &str) -> String {
        format!("{key}/{}/{project}", self.options.image_namespace)
    }

    /// Stops serving and waits until every connection is closed.
    pub async fn stop(self) {
        self.core.stop.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.core.stop.cancel();
    }
}

impl Secrets {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut text = |length: usize| -> String { (0..length).map(|_| random.alphanumeric()).collect() };
        let uuid = |hex: String| {
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
        };
        let artifactory = ArtifactoryAccess {
            user: "svc-landfall".to_owned(),
            password: format!("AKCp{}", text(69)),
            access_token: format!("cmVm{}", text(60)),
        };
        let jira_token = format!("ATATT{}", text(180));
        let (gitlab_token, oidc_token) = (format!("glpat-{}", text(20)), text(120));
        let mut hex = || -> String { (0..32).map(|_| random.digit(16)).collect() };
        let (role_id, secret_id) = (uuid(hex()), uuid(hex()));
        Self { role_id, secret_id, artifactory, jira_token, gitlab_token, oidc_token }
    }
}

fn role_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/Deployer")
}

fn vault(options: &SandboxOptions, secrets: &Secrets, issued: Arc<Issued>, address: &str) -> Arc<Vault> {
    let vault = Vault::new(VaultConfig::default(), issued);
    let role = AppRole {
        role_id: secrets.role_id.clone(),
        name: "landfall".to_owned(),
        policies: vec!["deploy".to_owned()],
        aws_roles: vec![AWS_MOUNT_ROLE.to_owned()],
        token_ttl: Duration::from_secs(1200),
        token_kind: TokenKind::Service,
    };
    vault.add_app_role(role.clone());
    vault.add_jwt_role(JwtRole {
        name: "shop".to_owned(),
        bound_audiences: vec!["https://vault.test".to_owned()],
        bound_subject: Some("project_path:acme/shop".to_owned()),
        tokens: role.clone(),
    });
    vault.add_jwt_role(JwtRole {
        name: "shop-on-github".to_owned(),
        bound_audiences: vec![address.to_owned()],
        bound_subject: Some(crate::actions_oidc::SUBJECT.to_owned()),
        tokens: role,
    });
    vault.add_secret_id(&secrets.role_id, &secrets.secret_id, SecretUses::Unlimited);
    vault.add_aws_role(AwsRole {
        name: AWS_MOUNT_ROLE.to_owned(),
        role_arns: vec![role_arn(&options.account)],
        max_ttl: Duration::from_secs(4 * 3600),
        chained: false,
    });
    vault
}

async fn bind(service: Service) -> Result<TcpListener, Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    if matches!(service, Service::Foreign | Service::Storage) {
        // Storages are other hosts too. Only Linux has all of 127/8 without further ado.
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(address).await.map_err(|source| Error::Bind {
        service: service.name(),
        address,
        source,
    })
}
