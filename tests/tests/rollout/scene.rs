//! Functions on the sandbox's Lambda, and deployments to them by the library.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{AliasName, LambdaName, Platform, Problem};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_lambda_deploy::{
    ApplyOptions, ApplyReport, Code, Desired, FunctionResult, LambdaClient, Live, Moment, OnFailure, Rates,
    Traffic, apply, observe, plan,
};
use landfall_run::{MemoryJournal, RetryPolicy, Run};
use landfall_sandbox::images::{Format, Image, Layer};
use landfall_sandbox::{Sandbox, SandboxOptions, Service};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};

/// The alias that callers use.
pub(crate) const ALIAS: &str = "live";

/// Functions that run the old image, in a sandbox that has the new one too.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) names: Vec<&'static str>,
    old: String,
    new: String,
    other: String,
}

/// How a deployment is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) on_failure: OnFailure,
    pub(crate) alias: bool,
    pub(crate) traffic: &'static str,
    /// The percentage at which the check finds something, where it does.
    pub(crate) check_fails_at: Option<u8>,
}

impl Asked {
    pub(crate) fn plainly(on_failure: OnFailure) -> Self {
        Self { on_failure, alias: false, traffic: "100%", check_fails_at: None }
    }

    pub(crate) fn with_alias(on_failure: OnFailure, traffic: &'static str) -> Self {
        Self { alias: true, traffic, ..Self::plainly(on_failure) }
    }
}

/// What callers reach: by the function's own name, and by the alias with its shares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Truth {
    pub(crate) latest: Option<String>,
    pub(crate) alias: Option<(String, BTreeMap<String, f64>)>,
}

impl Scene {
    /// `is_aliased` says which of the functions have the alias already.
    pub(crate) async fn new(names: &[&'static str], is_aliased: impl Fn(usize) -> bool) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        let repository = &sandbox.options().ecr_repository;
        let image = |seed| {
            let layer = Layer::filler("var/task/index.js", 100, seed);
            Image::new(Format::Oci, "amd64", vec![layer], &[])
        };
        let host = sandbox.host(Service::EcrRegistry);
        let put = |tag: &str, seed| {
            let digest = sandbox.ecr_registry.put_image(repository, tag, &image(seed));
            format!("{host}/{repository}@{digest}")
        };
        let (old, new, other) = (put("old", 1), put("new", 2), put("other", 3));
        for (at, name) in names.iter().enumerate() {
            sandbox.lambda.create_function(name, "x86_64", &old);
            if is_aliased(at) {
                sandbox.lambda.publish_as(name, ALIAS);
            }
        }
        Self { names: names.to_vec(), old, new, other, sandbox }
    }

    pub(crate) fn digest(reference: &str) -> String {
        reference.split_once('@').expect("by digest").1.to_owned()
    }

    pub(crate) fn old(&self) -> String {
        Self::digest(&self.old)
    }

    /// Somebody else lets a function run something else.
    pub(crate) fn meddle(&self, name: &str) -> String {
        self.sandbox.lambda.create_function(name, "x86_64", &self.other);
        Self::digest(&self.other)
    }

    pub(crate) fn new_digest(&self) -> String {
        Self::digest(&self.new)
    }

    /// Deploys the new image as a process of its own would: with a new client and no memory of an earlier run.
    pub(crate) async fn deploy(&self, asked: &Asked) -> ApplyReport {
        self.deploy_in(asked, &run()).await
    }

    /// The same in a run that may be stopped.
    pub(crate) async fn deploy_in(&self, asked: &Asked, run: &Run) -> ApplyReport {
        let client = self.client();
        let options = ApplyOptions {
            on_failure: asked.on_failure,
            alias: asked.alias.then(alias),
            traffic: asked.traffic.parse::<Traffic>().expect("steps"),
            poll_scale: 0.01,
            settle_timeout: Duration::from_secs(5),
            ..ApplyOptions::default()
        };
        let desired: Vec<Desired> = self.names.iter().map(|name| self.desired(name)).collect();
        let names: Vec<LambdaName> = desired.iter().map(|one| one.function.clone()).collect();
        let observed = observe(&client, &names, options.alias.as_ref(), 10, run).await;
        let plan = plan(
            &desired,
            &observed,
            Live { alias: options.alias.as_ref(), publish: options.publish },
            client.place(),
        );
        let fails_at = asked.check_fails_at;
        let check = move |moment: Moment| -> futures_util::future::BoxFuture<'static, Result<(), Problem>> {
            let found = fails_at.is_some_and(|percent| moment.percent >= percent);
            let problem = || Problem::new("LF-TEST", landfall_artifacts::Class::Refused, "it does not work");
            Box::pin(async move { if found { Err(problem()) } else { Ok(()) } })
        };
        apply(&plan, &client, run, &options, Some(&check)).await
    }

    pub(crate) fn truth(&self, name: &str) -> Truth {
        let lambda = &self.sandbox.lambda;
        let latest = lambda.running_digest(name);
        let alias =
            lambda.alias_target(name, ALIAS).map(|version| (version, lambda.alias_weights(name, ALIAS)));
        Truth { latest, alias }
    }

    pub(crate) fn truths(&self) -> Vec<Truth> {
        self.names.iter().map(|name| self.truth(name)).collect()
    }

    /// What all calls to the alias run; `None` where there is no alias, or its calls are shared.
    pub(crate) fn reached(&self, name: &str) -> Option<String> {
        let (version, weights) = self.truth(name).alias?;
        if weights.values().any(|share| *share > 0.0) {
            return None;
        }
        self.sandbox.lambda.version_digest(name, &version)
    }

    fn client(&self) -> LambdaClient {
        let http =
            Http::new(HttpConfig { idle_timeout: Duration::from_millis(500), ..HttpConfig::default() });
        let endpoints = Endpoints { lambda: Some(self.sandbox.url(Service::Lambda)), ..Endpoints::default() };
        let keys = self.sandbox.static_keys();
        let keys = AwsKeys::new(
            keys.access_key_id.clone(),
            Secret::new(keys.secret_access_key.as_str()),
            keys.session_token.as_deref().map(Secret::new),
        );
        let region = &self.sandbox.options().region;
        let config =
            AwsConfig::new(region, keys, endpoints, http.expect("a client")).expect("a configuration");
        let quick = Rates { get_function: 10_000.0, others: 10_000.0 };
        LambdaClient::with_rates(&config, quick, landfall_run::Share::default()).expect("a client")
    }

    fn desired(&self, name: &str) -> Desired {
        Desired {
            function: name.parse().expect("a name"),
            project: None,
            version: None,
            code: Code::Image {
                image: self.new.parse().expect("a reference"),
                platform: Platform::LinuxAmd64,
            },
            environment: None,
            shard: None,
        }
    }
}

/// What a result says that callers reach now.
pub(crate) fn said(result: &FunctionResult) -> Truth {
    Truth {
        latest: result
            .after
            .as_ref()
            .and_then(landfall_lambda_deploy::Function::digest)
            .map(|digest| digest.to_string()),
        alias: result.alias_after.as_ref().map(|alias| (alias.version.clone(), alias.weights.clone())),
    }
}

fn alias() -> AliasName {
    ALIAS.parse().expect("a name")
}

pub(crate) fn run() -> Run {
    let policy = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(policy).journal(Arc::<MemoryJournal>::default()).build()
}
