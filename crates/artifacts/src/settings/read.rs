//! How `landfall.toml` becomes [`Settings`].

use std::collections::BTreeMap;

use super::Settings;
use super::table::table;
use crate::file_error::Problems;
use crate::gate_settings::{IdentitySettings, check_gates};
use crate::json::{At, FromJson, Kind, Node};
use crate::notify_settings::check_targets;

impl FromJson for Settings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let functions = at.field("functions", problems);
        let image_namespace = at.field("image_namespace", problems);
        let registries = at.field_or_default("registries", problems);
        let environments = at.field_or_default("environment", problems);
        let approvers = at.field_or_default("approvers", problems);
        let identity = at.field_or_default("identity", problems);
        let jira = at.field_or_default("jira", problems);
        let notify = at.field_or_default("notify", problems);
        let ledger = at.field_or_default("ledger", problems);
        let releases = at.field_or_default("releases", problems);
        let sync = at.field_or_default("sync", problems);
        let images = at.field_or_default("images", problems);
        let versioning = at.field_or_default("versioning", problems);
        let configs = at.field_or_default("configs", problems);
        let smoke = at.field_or_default("smoke", problems);
        let ci = at.field_or_default("ci", problems);
        let pipelines = at.field_or_default("pipelines", problems);
        let mut values = BTreeMap::new();
        flatten(at.node, String::new(), &mut values);
        let settings = Self {
            functions: functions?,
            image_namespace: image_namespace?,
            registries: registries?,
            environments: environments?,
            approvers: approvers?,
            identity: identity?,
            jira: jira?,
            notify: notify?,
            ledger: ledger?,
            releases: releases?,
            sync: sync?,
            images: images?,
            versioning: versioning?,
            configs: configs?,
            smoke: smoke?,
            ci: ci?,
            pipelines: pipelines?,
            values,
        };
        check_gates(&settings, at, problems);
        check_targets(&settings, at, problems);
        Some(settings)
    }
}

fn flatten(node: &Node, key: String, values: &mut BTreeMap<String, String>) {
    let text = |node: &Node| match &node.kind {
        Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
        Kind::Bool(truth) => Some(truth.to_string()),
        Kind::Null | Kind::Array(_) | Kind::Object(_) => None,
    };
    match &node.kind {
        Kind::Object(members) => {
            for member in members {
                // Checks, freezes, targets and pipelines are no values of options.
                let is_root = key.is_empty();
                if ["smoke", "freeze"].contains(&member.key.as_str())
                    || is_root && ["notify", "pipelines"].contains(&member.key.as_str())
                {
                    continue;
                }
                let step = if key.is_empty() { member.key.clone() } else { format!("{key}\0{}", member.key) };
                flatten(&member.value, step, values);
            }
        }
        Kind::Array(items) => {
            let joined: Vec<String> = items.iter().filter_map(text).collect();
            values.insert(key, joined.join(","));
        }
        _ => {
            if let Some(text) = text(node) {
                values.insert(key, text);
            }
        }
    }
}

table!(IdentitySettings { issuer: field, project: field, github_api: field, repository: field });
