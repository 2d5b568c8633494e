//! `build-images-prod` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::Outcome;
use landfall_stages::image_flow::{CleanUp, Flow, ReleaseVersion};

use crate::{Context, Effects, Held, image_flow};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "build-images-prod";
    const SUMMARY: &'static str = "Build every image of a release as <registry>/prod/<image>:<version>";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        image_flow::options(&[
            Opt::value("version", "VERSION", "the release's version, such as v1.7.0 or 2025.03")
                .env(&["RELEASE_VERSION"]),
            Opt::switch("no-cleanup", "leave the images of development and of this release on this machine"),
        ])
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let version: Option<ReleaseVersion> = values.required_parsed("version");
            let repository = image_flow::repository(&mut values, "prod");
            let dev = repository.as_ref().and_then(|_| image_flow::repository(&mut values, "dev"));
            let clean_up = dev.filter(|_| !values.is_on("no-cleanup")).map(|dev| CleanUp { dev });
            let flow = version.map(|version| Flow::Prod { version, clean_up });
            image_flow::go(context, values, repository, flow).await
        })
    }
}
