//! AWS Lambda, REST API 2015-03-31: functions of images whose updates take time.
//!
//! Shapes follow the service model and the AWS Lambda guide (pages "UpdateFunctionCode", "GetFunction", "Lambda function states", "Lambda quotas");
//! texts of errors are those of the real service where they are known. Stricter than the real thing: unknown members and query parameters are
//! refused, so is an image of another architecture than the function's, and the revision id changes when an update ends, too.
//! Nothing runs in the background: an update is over when somebody looks and its time has come.

mod aliases;
mod function;
mod name;
mod rates;
mod read;
mod reply;
#[cfg(test)]
mod tests;
mod update;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::image_facts::{ImageFacts, ImageLookup};
use crate::issued::Issued;
use crate::strict_body::{BodyKind, body_kind};
use function::{Code, Failure, Function, Package};
use name::FunctionName;
use rates::Bucket;
pub use rates::Rates;
use reply::{Answer, Refusal};

const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How the service is set up.
#[derive(Clone, Debug)]
pub struct LambdaConfig {
    /// Region of the functions; requests must be signed for it.
    pub region: String,
    /// Account of the functions. Callers of another account find none.
    pub account: String,
    /// Images from another host are refused. Default: any host.
    pub registry_host: Option<String>,
    /// Reads show the code on its way before it is live: a reader who trusts the digest without the status is caught. Default: no.
    pub show_pending_code: bool,
    /// Default: unlimited.
    pub rates: Option<Rates>,
}

impl Default for LambdaConfig {
    fn default() -> Self {
        Self {
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            registry_host: None,
            show_pending_code: false,
            rates: None,
        }
    }
}

struct State {
    functions: BTreeMap<String, Function>,
    calls: BTreeMap<&'static str, u64>,
    buckets: Option<(Bucket, Bucket)>,
}

/// The service.
pub struct Lambda {
    config: LambdaConfig,
    issued: Arc<Issued>,
    images: ImageLookup,
    archives: OnceLock<ArchiveLookup>,
    state: Mutex<State>,
}

/// Looks up the base64 of an archive's SHA-256 by its bucket and key.
pub type ArchiveLookup = Arc<dyn Fn(&str, &str) -> Option<String> + Send + Sync>;

impl Lambda {
    /// A service without functions.
    pub fn new(config: LambdaConfig, issued: Arc<Issued>, images: ImageLookup) -> Arc<Self> {
        let buckets = config.rates.map(|rates| (Bucket::new(rates.get_function), Bucket::new(rates.others)));
        let state = Mutex::new(State { functions: BTreeMap::new(), calls: BTreeMap::new(), buckets });
        Arc::new(Self { config, issued, images, archives: OnceLock::new(), state })
    }

    /// Where archives are looked up from now on. Without it none is there.
    pub fn take_archives_from(&self, lookup: ArchiveLookup) {
        self.archives.get_or_init(|| lookup);
    }

    /// All routes under `/2015-03-31`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        let api = axum::Router::new()
            .route("/functions", get(read::functions))
            .route("/functions/", get(read::functions))
            .route("/functions/{name}", get(read::function))
            .route("/functions/{name}/configuration", get(read::configuration))
            .route("/functions/{name}/code", put(update::code))
            .route("/functions/{name}/versions", get(read::versions).post(update::publish))
            .route("/functions/{name}/aliases", get(aliases::list).post(aliases::create))
            .route(
                "/functions/{name}/aliases/{alias}",
                get(aliases::read).put(aliases::update).delete(aliases::delete),
            )
            .with_state(Arc::clone(self));
        axum::Router::new()
            .nest("/2015-03-31", api)
            .fallback(|| async {
                Refusal::new(StatusCode::NOT_FOUND, "UnknownOperationException", "no such operation")
            })
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(from_fn(json_only))
    }

    /// Adds a function of an image. `architecture` is `x86_64` or `arm64`. An image the registry does not know gets a digest made from its address.
    pub fn create_function(&self, name: &str, architecture: &str, current_image: &str) {
        let digest = match (self.images)(current_image) {
            ImageFacts::Image { digest, .. } => digest,
            ImageFacts::Missing | ImageFacts::Index => hex_digest(current_image.as_bytes()),
        };
        let package = Package::Image { uri: current_image.to_owned(), digest };
        self.add(Function::new(name, Code { package, architecture: architecture.to_owned() }));
    }

    /// Adds a function of a zip archive.
    pub fn create_zip_function(&self, name: &str, architecture: &str) {
        let package = Package::Zip { sha256: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned() };
        self.add(Function::new(name, Code { package, architecture: architecture.to_owned() }));
    }

    /// `$LATEST` of a function runs another image now, as after a deployment by hand; its versions are what they were.
    pub fn put_image(&self, name: &str, address: &str) {
        let ImageFacts::Image { digest, .. } = (self.images)(address) else {
            panic!("the test deploys an image {address:?} that is not there")
        };
        let package = Package::Image { uri: address.to_owned(), digest };
        self.script(name, |function| {
            function.live.package = package;
            function.touch();
        });
    }

    /// Takes a function away, as whoever keeps the infrastructure did.
    pub fn delete_function(&self, name: &str) {
        self.lock().functions.remove(name);
    }

    fn add(&self, function: Function) {
        self.lock().functions.insert(function.name.clone(), function);
    }

    /// Updates of this function take so long from now on. Default: they are over at the next look.
    pub fn settle_after(&self, name: &str, time: Duration) {
        self.script(name, |function| function.settles_after = time);
    }

    /// The next update of this function ends as Failed with this reason code and text. May be called several times for several updates.
    pub fn fail_next(&self, name: &str, code: &str, text: &str) {
        self.script(name, |function| {
            function.failures.push_back(Failure { code: code.to_owned(), text: text.to_owned() });
        });
    }

    /// State Inactive with reason code Idle until the next successful update, as for a function nobody called for weeks.
    pub fn let_idle(&self, name: &str) {
        self.script(name, |function| function.idle = true);
    }

    fn script(&self, name: &str, act: impl FnOnce(&mut Function)) {
        let mut state = self.lock();
        let function = state.functions.get_mut(name);
        act(function.unwrap_or_else(|| panic!("the test scripts a function {name:?} that it did not create")));
    }

    /// The digest that invocations of `$LATEST` run now; `None` for an unknown function or a zip.
    pub fn running_digest(&self, name: &str) -> Option<String> {
        let mut state = self.lock();
        let function = state.functions.get_mut(name)?;
        function.settle(Instant::now());
        match &function.live.package {
            Package::Image { digest, .. } => Some(digest.clone()),
            Package::Zip { .. } => None,
        }
    }

    /// The base64 of the SHA-256 of the archive that invocations of `$LATEST` run now; `None` for an unknown function or an image.
    pub fn running_archive(&self, name: &str) -> Option<String> {
        let mut state = self.lock();
        let function = state.functions.get_mut(name)?;
        function.settle(Instant::now());
        match &function.live.package {
            Package::Zip { sha256 } => Some(sha256.clone()),
            Package::Image { .. } => None,
        }
    }

    /// Numbers of the published versions, oldest first.
    pub fn published_versions(&self, name: &str) -> Vec<u64> {
        self.lock()
            .functions
            .get(name)
            .map(|function| function.versions.iter().map(|version| version.number).collect())
            .unwrap_or_default()
    }

    /// The version that an alias points to.
    pub fn alias_target(&self, name: &str, alias: &str) -> Option<String> {
        self.lock().functions.get(name)?.aliases.get(alias).map(|alias| alias.version.clone())
    }

    /// The share of an alias's calls, 0.0 to 1.0, that goes to each further version.
    pub fn alias_weights(&self, name: &str, alias: &str) -> BTreeMap<String, f64> {
        let state = self.lock();
        let routing =
            state.functions.get(name).and_then(|function| function.aliases.get(alias)?.routing.as_ref());
        let weights = routing.and_then(|routing| routing["AdditionalVersionWeights"].as_object());
        let share =
            |(version, share): (&String, &serde_json::Value)| Some((version.clone(), share.as_f64()?));
        weights.into_iter().flatten().filter_map(share).collect()
    }

    /// The digest that a published version runs.
    pub fn version_digest(&self, name: &str, version: &str) -> Option<String> {
        match &self.lock().functions.get(name)?.version(version)?.code.package {
            Package::Image { digest, .. } => Some(digest.clone()),
            Package::Zip { .. } => None,
        }
    }

    /// Publishes what a function runs and points an alias to it, as whoever keeps the infrastructure did. Gives the version.
    pub fn publish_as(&self, name: &str, alias: &str) -> String {
        let mut version = String::new();
        self.script(name, |function| {
            let live = function.live.clone();
            version = function.publish(&live, "").to_string();
            let pointing = function::Alias {
                version: version.clone(),
                description: String::new(),
                routing: None,
                revision: function::revision(),
            };
            function.aliases.insert(alias.to_owned(), pointing);
        });
        version
    }

    /// Somebody else changes something about the function that is not its code: its revision is another one.
    pub fn touch(&self, name: &str) {
        self.script(name, Function::touch);
    }

    /// How many calls of an operation arrived, such as `UpdateFunctionCode`, refused ones included.
    pub fn calls(&self, action: &str) -> u64 {
        self.lock().calls.get(action).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.config.region, self.config.account)
    }

    /// Counts the call, takes it from its rate and checks the caller. Gives the caller's account.
    fn enter(&self, headers: &HeaderMap, action: &'static str) -> Result<String, Refusal> {
        let mut state = self.lock();
        *state.calls.entry(action).or_default() += 1;
        if let Some((get_function, others)) = &mut state.buckets {
            let bucket = if action == "GetFunction" { get_function } else { others };
            if !bucket.take(Instant::now()) {
                return Err(Refusal::too_many());
            }
        }
        drop(state);
        let identity = self.issued.authorize(headers, &self.config.region, "lambda", action)?;
        Ok(identity.account)
    }

    /// Finds a function, ends its update if it is due, and lets `act` at it with the qualifier from the name or from the query.
    fn with_function(
        &self,
        account: &str,
        text: &str,
        qualifier: Option<&str>,
        act: impl FnOnce(&mut Function, Option<&str>) -> Answer,
    ) -> Answer {
        let named = FunctionName::parse(text).ok_or_else(|| {
            let message = format!(
                "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint"
            );
            Refusal::new(StatusCode::BAD_REQUEST, "ValidationException", message)
        })?;
        if let (Some(one), Some(other)) = (&named.qualifier, qualifier)
            && one != other
        {
            return Err(Refusal::parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        let region = named.region.as_deref().unwrap_or(&self.config.region);
        let owner = named.account.as_deref().unwrap_or(account);
        let mut state = self.lock();
        let reachable =
            region == self.config.region && owner == self.config.account && account == self.config.account;
        let function = state.functions.get_mut(&named.name).filter(|_| reachable);
        let function = function.ok_or_else(|| {
            Refusal::not_found(format!(
                "Function not found: arn:aws:lambda:{region}:{owner}:function:{}",
                named.name
            ))
        })?;
        function.settle(Instant::now());
        act(function, qualifier.or(named.qualifier.as_deref()))
    }
}

/// `sha256:` and the hash in hex.
fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// Lambda's word for an architecture that an image names.
fn architecture_name(image: &str) -> &str {
    if image == "amd64" { "x86_64" } else { image }
}

/// A body must be JSON where it says what it is. Without a Content-Type it is taken, as by the real service.
async fn json_only(request: Request, next: Next) -> Response {
    let writes = matches!(*request.method(), Method::POST | Method::PUT);
    if writes && body_kind(request.headers()) == BodyKind::Other {
        let message = "Content-Type must be application/json";
        return Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaTypeException", message)
            .into_response();
    }
    next.run(request).await
}
