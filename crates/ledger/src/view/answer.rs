//! What `landfall ledger` answers, as JSON.

use landfall_artifacts::FORMAT_VERSION;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::audit::Audit;
use super::dora::Dora;
use super::drift::Drift;
use super::environment::{Environment, Overview};
use super::function::Function;
use super::graveyard::Graveyard;
use super::history::History;
use super::locks::Locks;
use super::moment::Moment;
use super::release::Release;
use super::trace::Trace;

/// The ledger that was read, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// Its folder or address.
    pub place: String,
    /// How many records it has.
    pub records: u64,
    /// Number and digest of the newest, as `ledger verify --head` takes it; `null` where there is none.
    pub head: Option<String>,
}

/// What a view says, under its name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "view", content = "result", rename_all = "kebab-case")]
pub enum View<'a> {
    /// `ledger show`: all environments.
    Overview(Overview<'a>),
    /// `ledger show release`.
    Release(Release<'a>),
    /// `ledger show environment`.
    Environment(Environment<'a>),
    /// `ledger show function`.
    Function(Function<'a>),
    /// `ledger history`.
    History(History<'a>),
    /// `ledger graveyard`.
    Graveyard(Graveyard<'a>),
    /// `ledger drift`.
    Drift(Drift<'a>),
    /// `ledger trace`.
    Trace(Trace<'a>),
    /// `ledger dora`.
    Dora(Dora<'a>),
    /// `ledger audit`.
    Audit(Audit<'a>),
    /// `ledger locks`.
    Locks(Locks),
    /// `ledger verify`: the chain is whole; one that is not is an error.
    Verify(Whole),
}

/// A chain that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    /// Whether it was compared with a head that was kept elsewhere: else a removal of its newest records is not seen.
    pub compared_with_head: bool,
    /// How many checkpoints it was held against, all of which fit.
    pub checkpoints: u64,
}

/// A view, and the ledger that it is of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer<'a> {
    /// The version of the format.
    pub format_version: u64,
    /// The ledger.
    pub ledger: Place,
    /// When it was read.
    pub at: Moment,
    /// What the view says.
    #[serde(flatten)]
    pub view: View<'a>,
}

impl<'a> Answer<'a> {
    /// What a view says of a ledger at a point in time.
    pub fn new(ledger: Place, at: Moment, view: View<'a>) -> Self {
        Self { format_version: FORMAT_VERSION, ledger, at, view }
    }

    /// As JSON, two spaces, with a newline at its end.
    ///
    /// # Errors
    /// None that is known: texts and numbers can be written.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// The schema of what [`Answer::to_json`] writes (JSON Schema, draft 2020-12).
    pub fn schema() -> Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        settings.into_generator().into_root_schema_for::<Answer<'static>>().to_value()
    }
}
