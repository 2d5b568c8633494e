//! `landfall dashboard build`.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::dashboard::put;
use landfall_stages::{Finished, Item, Outcome, Refusal};

use super::reading::{OPTIONS, Reader};
use crate::every_stage::{DRY_RUN, FORETELL, QUIET};
use crate::{Context, Effects, Shared, posting};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall dashboard build";
    const SUMMARY: &'static str = "Draw the pages into a folder";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        let out = Opt::value(
            "out",
            "DIR",
            "the folder, or an HTML file for the index, which has the rest beside it",
        )
        .env(&["LANDFALL_DASHBOARD"])
        .default("dashboard");
        [vec![out, DRY_RUN, FORETELL, QUIET], OPTIONS.to_vec(), posting::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let post = posting::post(context, &mut values)?;
            let reader = Reader::of(context, &values);
            let out = PathBuf::from(values.text("out").unwrap_or_default());
            values.finish().map_err(Refusal)?;
            let site = reader.site(context.run().clock().now()).await?;
            let (file, kept) = put(&out, &site, context.output())?;
            let summary = format!(
                "{} functions, {} environments and {} releases on {}",
                site.functions.len(),
                site.environments.len(),
                site.releases.len(),
                file.path
            );
            let mut finished = Finished::new(summary);
            finished.files.push(file);
            finished.items.push(Item::new(format!("pages: {kept}"), "drawn"));
            if let Some(post) = post.filter(|_| !context.output().is_dry_run()) {
                let environments: Vec<_> = site.environments.iter().map(|one| &one.name).collect();
                post.tell(&site, &environments, context.run(), &mut finished).await;
            }
            Ok(finished)
        })
    }
}
