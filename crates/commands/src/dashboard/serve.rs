//! `landfall dashboard serve`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use landfall_artifacts::{Class, Problem};
use landfall_cli::Opt;
use landfall_dashboard::serve;
use landfall_run::Event;
use landfall_stages::{Finished, Outcome, Refusal};
use tokio::net::TcpListener;

use super::drawn::Drawn;
use super::reading::{OPTIONS, Reader};
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall dashboard serve";
    const SUMMARY: &'static str =
        "Show the pages to this machine's browser until Ctrl-C, with what comes to the ledger meanwhile";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        let port = Opt::value("port", "PORT", "the port of 127.0.0.1; 0 takes a free one").default("8484");
        [vec![port], OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let reader = Reader::of(context, &values);
            let port: Option<u16> = values.parsed("port");
            values.finish().map_err(Refusal)?;
            let clock = *context.run().clock();
            let drawn = Arc::new(Drawn::new(reader));
            // What keeps pages from being made is better known now than by the first look.
            drawn.pages(clock.now()).await?;
            let unusable = |cause: std::io::Error| {
                let what = format!("127.0.0.1:{} cannot be listened on: {cause}", port.unwrap_or_default());
                Refusal::one(
                    Problem::new("LF-DASHBOARD-PORT", Class::Input, what)
                        .with_remedy("give another port by --port, or 0"),
                )
            };
            let listener =
                TcpListener::bind(("127.0.0.1", port.unwrap_or_default())).await.map_err(unusable)?;
            let address = listener.local_addr().map_err(unusable)?;
            context.run().progress().event(Event::Note(format!("http://{address}/ until Ctrl-C")));
            let make = move || {
                let drawn = Arc::clone(&drawn);
                async move {
                    let told = |Refusal(problems): Refusal| {
                        problems.iter().map(Problem::told).collect::<Vec<_>>().join("\n")
                    };
                    drawn.pages(clock.now()).await.map_err(told)
                }
            };
            let stop = context.run().stop().clone();
            serve(listener, make, async move { stop.wait().await }).await.map_err(unusable)?;
            Ok(Finished::new("stopped"))
        })
    }
}
