//! What all views share: a question is read from the options, the ledger is read once, and the answer is made of it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use landfall_artifacts::Settings;
use landfall_cli::{Opt, Values};
use landfall_stages::{Outcome, Refusal};

use super::reading::Reading;
use crate::{Context, Effects, Shared};

/// The question of a view, which knows how it is answered from the ledger alone.
pub(super) trait Look: Sized + Send + 'static {
    /// The view's name, with the words before it.
    const NAME: &'static str;
    /// One sentence for the help, without a full stop.
    const SUMMARY: &'static str;

    /// Its own options.
    fn options() -> Vec<Opt>;

    /// The question, by the options; what is odd about their values is noted there.
    ///
    /// # Errors
    /// What is no question at all.
    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal>;

    /// The answer.
    ///
    /// # Errors
    /// A name that the ledger does not know.
    fn answer(self, reading: &Reading, settings: &Settings) -> Outcome;
}

/// A view as a command.
#[derive(Debug)]
pub(super) struct Looking<L>(PhantomData<fn() -> L>);

impl<L: Look> crate::Command for Looking<L> {
    const NAME: &'static str = L::NAME;
    const SUMMARY: &'static str = L::SUMMARY;
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        L::options()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let asked = L::asked(&mut values);
            values.finish().map_err(Refusal)?;
            let asked = asked?;
            let reading = Reading::of(context).await?;
            asked.answer(&reading, &context.settings)
        })
    }
}
