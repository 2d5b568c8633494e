//! `generate-mappings` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_registry::EcrClient;
use landfall_stages::{Outcome, Refusal, generate_mappings};

use crate::context::{FUNCTIONS, LOCK, MAPPINGS, SKIP_MISSING, VERSIONS};
use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "generate-mappings";
    const SUMMARY: &'static str = "Compute the deployment plan without any transfer";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;

    fn options() -> Vec<Opt> {
        [
            vec![
                FUNCTIONS,
                VERSIONS,
                MAPPINGS,
                LOCK,
                SKIP_MISSING,
                Opt::value(
                    "versions-json",
                    "TEXT",
                    "the versions as text; they are then written to versions.json too",
                )
                .env(&["PROD_VERSIONS_JSON", "TARGET_VERSIONS_JSON"]),
                Opt::value(
                    "staging-lock",
                    "FILE",
                    "the lock of the pipeline that built these versions, to take digests from",
                ),
                Opt::value("registry", "HOST/PATH", "where the images are deployed from")
                    .env(&["ECR_REGISTRY_URI"])
                    .key("environment.ecr"),
                Opt::switch(
                    "verify",
                    "ask ECR whether each tag is there, with the lock's digest; needs AWS credentials",
                ),
                Opt::switch("strict", "an entry that lacks a field is an error, not a warning"),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let config = generate_mappings::Config {
                target: context.target().clone(),
                places: context.places(),
                versions_text: values.text("versions-json"),
                missing: context.missing(),
                strict: values.is_on("strict"),
                registry: values.parsed("registry"),
                staging_lock: values.text("staging-lock").map(PathBuf::from),
            };
            let verify = values.is_on("verify");
            if verify && config.registry.is_none() {
                values.required("registry");
            }
            values.finish().map_err(Refusal)?;
            let ecr = if verify {
                Some(EcrClient::new(&aws::config(context, &context.http()?).await?)?)
            } else {
                None
            };
            generate_mappings::run(&config, ecr.as_ref(), &context.ledger, context.output(), context.run())
                .await
        })
    }
}
