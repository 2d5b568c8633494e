//! What `build-images-dev` and `build-images-prod` have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_artifacts::{
    AccountId, AwsAuthEnv, ChangedImages, CopyPlanFile, DeployReport, DockerConfig, DotEnv, JiraTickets,
    Repository,
};
use landfall_cli::{Opt, Values};
use landfall_registry::{EcrHost, Registries};
use landfall_stages::build_docker_images::Builder;
use landfall_stages::image_flow::{Config, Flow, run};
use landfall_stages::{Outcome, Refusal};
use landfall_versioning::BuildContext;

use crate::build_docker_images::{BUILDER, BUILDING, building};
use crate::changed_images::{FOUND, question};
use crate::context::{self, LOCK, MAPPINGS};
use crate::{Context, aws, builder_environment, logins, registries};

/// The options of both.
pub(crate) fn options(own: &[Opt]) -> Vec<Opt> {
    [
        own.to_vec(),
        vec![
            Opt::value(
                "registry",
                "HOST/PATH",
                "the registry; else <account>.dkr.ecr.<region>.amazonaws.com, or as the region's partition has it",
            ),
            BUILDER.default("docker"),
        ],
        BUILDING.to_vec(),
        FOUND.to_vec(),
        vec![MAPPINGS, LOCK, context::PLATFORM],
        logins::OPTIONS.to_vec(),
        aws::OPTIONS.to_vec(),
    ]
    .concat()
}

/// The repositories of development or of releases: `<registry>/<kind>`.
pub(crate) fn repository(values: &mut Values<'_>, kind: &str) -> Option<Repository> {
    let registry = if let Some(registry) = values.text("registry") {
        registry
    } else {
        let account: Option<AccountId> = values.required_parsed("account");
        let region = values.required("region");
        EcrHost::name_of(&account?, &region?)
    };
    let parsed = context::below(&registry, Some(kind)).parse::<Repository>();
    if let Err(cause) = &parsed {
        values.problem("LF-CONFIG", &format!("the registry cannot be used: {cause}"), None);
    }
    parsed.ok()
}

/// Where the builder takes files from.
fn build_context(builder: &Builder) -> BuildContext {
    match builder {
        Builder::Docker(options) | Builder::Buildah(options) => match options.context.as_deref() {
            None => BuildContext::Folder,
            Some("." | "./" | "") => BuildContext::Root,
            Some(_) => BuildContext::Found,
        },
        Builder::Nx | Builder::Command { .. } => BuildContext::Found,
    }
}

/// What stages leave in the repo, by the names that were given and by the usual ones.
fn left_by_stages(context: &Context, values: &Values<'_>) -> Vec<PathBuf> {
    let places = context.places();
    let named =
        ["report", "docker-config"].into_iter().filter_map(|name| values.text(name)).map(PathBuf::from);
    let usual = [
        DotEnv::FILE_NAME,
        AwsAuthEnv::FILE_NAME,
        DockerConfig::FILE_NAME,
        ChangedImages::FILE_NAME,
        CopyPlanFile::FILE_NAME,
        DeployReport::FILE_NAME,
        JiraTickets::FILE_NAME,
    ];
    let folders = [places.versions, places.mappings, places.lock];
    let ledger = context.ledger.folder().map(Path::to_owned);
    named.chain(usual.map(PathBuf::from)).chain(folders).chain(ledger).collect()
}

/// Runs a flow whose images go to `repository`.
pub(crate) async fn go(
    context: &Context,
    mut values: Values<'_>,
    repository: Option<Repository>,
    flow: Option<Flow>,
) -> Outcome {
    let mut build = building(context, &mut values);
    let question = question(context, &mut values, build_context(&build.builder));
    let platform = context::platform(&mut values);
    let left_by_stages = left_by_stages(context, &values);
    values.finish().map_err(Refusal)?;
    let (Some(repository), Some(flow)) = (repository, flow) else { return Err(Refusal(Vec::new())) };
    build.variables = builder_environment::variables(context);
    // What Lambda runs is one image; with attestations beside it, a tag names an index.
    build.variables.entry("BUILDX_NO_DEFAULT_ATTESTATIONS".to_owned()).or_insert_with(|| "1".to_owned());
    let host = repository.host().to_owned();
    let (registries, logins): (Registries, BTreeMap<_, _>) =
        registries::with_logins(context, &context.http()?, &[&host]).await?;
    // Kept until the last build has ended.
    let _shown = match logins.get(&host).filter(|_| !context.output().is_dry_run()) {
        Some(login) => {
            builder_environment::log_in(context, &host, login, &build.builder, &mut build.variables)?
        }
        None => builder_environment::show_logins(context, &mut build.variables),
    };
    let config = Config {
        flow,
        question,
        repository,
        build,
        target: context.target().clone(),
        places: context.places(),
        left_by_stages,
        platform,
    };
    run(&config, &registries, context.output(), context.run()).await
}
