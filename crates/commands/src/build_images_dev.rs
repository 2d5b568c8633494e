//! `build-images-dev` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::Outcome;
use landfall_stages::image_flow::Flow;

use crate::changed_images::SINCE;
use crate::{Context, Effects, image_flow};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "build-images-dev";
    const SUMMARY: &'static str =
        "Build the images that changed since main as <registry>/dev/<image>:<commit>";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        image_flow::options(&SINCE)
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let repository = image_flow::repository(&mut values, "dev");
            image_flow::go(context, values, repository, Some(Flow::Dev)).await
        })
    }
}
