//! One client and one stage of Landfall inside another program.

use std::error::Error;
use std::path::Path;

use landfall_artifacts::{Digest, Reference};
use landfall_registry::{Login, Registry, RegistryOptions};
use landfall_run::Run;
use landfall_sandbox::{Sandbox, SandboxOptions, sample};
use landfall_secret::Secret;
use landfall_stages::{Output, generate_versions};
use landfall_transport::{Http, HttpConfig};

/// A client: which digest does this tag name?
async fn digest_of(reference: &Reference, login: Login) -> Result<Option<Digest>, Box<dyn Error>> {
    let run = Run::builder().build();
    let http = Http::new(HttpConfig::default())?;
    let repository = reference.repository();
    let registry = Registry::new(&http, repository.host(), Some(login), RegistryOptions::default())?;
    Ok(registry.head_manifest(repository.path(), reference.version(), &run).await?)
}

/// A stage: which versions does this repo deploy?
fn versions_of(repo: &Path) -> Result<String, Box<dyn Error>> {
    let config = generate_versions::Config { functions: repo.join("functions"), versions: repo.join("versions.json") };
    let finished = generate_versions::run(&config, &Output::Real, &Run::builder().build())
        .map_err(|refusal| format!("{refusal:?}"))?;
    Ok(finished.summary)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(SandboxOptions::default()).await?;
    sample::load(&sandbox)?;
    let access = sandbox.artifactory_access();
    let source = format!("{}/orderService:1.4.2", sandbox.env()["BUILD_ARTIFACTORY_URL"].clone() + "/shop");
    let digest = digest_of(&source.parse()?, Login::basic(&access.user, Secret::new(&access.password))).await?;
    println!("{source} is {}", digest.ok_or("the image is not there")?);

    let repo = tempfile::tempdir()?;
    sample::write_repo(repo.path())?;
    println!("{}", versions_of(repo.path())?);
    sandbox.stop().await;
    Ok(())
}
