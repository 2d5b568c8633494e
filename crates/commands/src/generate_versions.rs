//! `generate-versions` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::{Outcome, generate_versions};

use crate::context::{FUNCTIONS, VERSIONS};
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "generate-versions";
    const SUMMARY: &'static str = "Collect name, version and folder of every project into versions.json";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![FUNCTIONS, VERSIONS]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let places = context.places();
            let config = generate_versions::Config { functions: places.functions, versions: places.versions };
            generate_versions::run(&config, context.output(), context.run())
        })
    }
}
