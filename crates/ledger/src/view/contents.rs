//! What a release consists of, as its records tell it.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EventKind, LambdaName, LedgerEvent, LedgerItem, ProjectName};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use super::happened;

/// One thing that belongs to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Content<'a> {
    /// Its name: the project, else the function, else what records call it.
    pub name: &'a str,
    /// The project, where it was told.
    pub project: Option<&'a ProjectName>,
    /// Its version, where it was told.
    #[schemars(with = "Option<String>")]
    pub version: Option<&'a Version>,
    /// The function, where it was told.
    pub lambda: Option<&'a LambdaName>,
    /// The content, where it was told.
    pub digest: Option<Digest>,
}

/// Contents by name, gathered from records.
#[derive(Debug, Default)]
pub(super) struct Contents<'a>(BTreeMap<&'a str, Content<'a>>);

impl<'a> Contents<'a> {
    /// Adds what a record of the release says that it consists of.
    pub(super) fn add(&mut self, event: &'a LedgerEvent) {
        let is_telling = matches!(
            event.kind,
            EventKind::Deployment | EventKind::Promotion | EventKind::Approval | EventKind::Rejection
        );
        if !is_telling || !happened(event) {
            return;
        }
        for item in &event.items {
            let name = name(item);
            let content = self.0.entry(name).or_insert(Content {
                name,
                project: None,
                version: None,
                lambda: None,
                digest: None,
            });
            content.project = content.project.or(item.project.as_ref());
            content.version = item.version.as_ref().or(content.version);
            content.lambda = content.lambda.or(item.lambda.as_ref());
            content.digest = item.digest.or(content.digest);
        }
    }

    /// All of them, by name.
    pub(super) fn into_list(self) -> Vec<Content<'a>> {
        self.0.into_values().collect()
    }
}

fn name(item: &LedgerItem) -> &str {
    match (&item.project, &item.lambda) {
        (Some(project), _) => project.as_str(),
        (None, Some(lambda)) => lambda.as_str(),
        (None, None) => &item.name,
    }
}
