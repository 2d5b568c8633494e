//! What `[jira]` of `landfall.toml` says of tickets, made ready for the client. All that is odd is noted.

use std::collections::BTreeMap;
use std::str::FromStr;

use landfall_artifacts::{JiraFieldValue, JiraSettings};
use landfall_cli::Values;
use landfall_jira::{
    FieldValue, Instructions, JiraConfig, Screens, Statuses, Step, Template, TicketFields, Ways,
};

/// The configuration of the client, as far as `landfall.toml` has it.
pub(crate) fn apply(settings: &JiraSettings, config: &mut JiraConfig, values: &mut Values<'_>) {
    let status = |step: Step, default: String| settings.status.get(step.as_str()).cloned().unwrap_or(default);
    let default = Statuses::default();
    config.statuses = Statuses {
        deploy_pp: status(Step::DeployPp, default.deploy_pp),
        pp_testing: status(Step::PpTesting, default.pp_testing),
        deploying: status(Step::Deploying, default.deploying),
        resolved: status(Step::Resolved, default.resolved),
        closed: status(Step::Closed, default.closed),
    };
    config.instructions = match settings.instructions.as_deref() {
        None | Some("section") => Instructions::Section,
        Some(field) => Instructions::Field(field.to_owned()),
    };
    let mut odd = Vec::new();
    config.ticket = TicketFields {
        summary: settings.summary.as_ref().and_then(|text| template("summary", text, &mut odd)),
        description: templates("description", &settings.description, &mut odd),
        fix_versions: templates("fix_versions", &settings.fix_versions, &mut odd),
        components: templates("components", &settings.components, &mut odd),
        labels: templates("labels", &settings.labels, &mut odd),
        fields: fields("fields", &settings.fields, &mut odd),
    };
    config.ways = Ways::new(settings.transitions.clone());
    let screen = |(row, given): (&String, &BTreeMap<String, JiraFieldValue>)| {
        let place = format!("screens.{}", landfall_secret::escape(row, 60));
        (row.clone(), fields(&place, given, &mut odd))
    };
    let screens = settings.screens.iter().map(screen).collect();
    config.screens = Screens { resolution: settings.resolution.clone(), fields: screens };
    config.initial_transition.clone_from(&settings.initial_transition);
    config.claims.clone_from(&settings.claims);
    for what in odd {
        values.problem("LF-CONFIG", &what, Some("correct it in [jira] of landfall.toml".to_owned()));
    }
}

fn template(place: &str, text: &str, odd: &mut Vec<String>) -> Option<Template> {
    let parsed = Template::from_str(text);
    parsed.map_err(|cause| odd.push(format!("jira.{place} of landfall.toml: {cause}"))).ok()
}

fn templates(place: &str, texts: &[String], odd: &mut Vec<String>) -> Vec<Template> {
    texts.iter().filter_map(|text| template(place, text, odd)).collect()
}

fn fields(
    place: &str,
    given: &BTreeMap<String, JiraFieldValue>,
    odd: &mut Vec<String>,
) -> BTreeMap<String, FieldValue> {
    let mut fields = BTreeMap::new();
    for (name, value) in given {
        let place = format!("{place}.{}", landfall_secret::escape(name, 60));
        let value = match value {
            JiraFieldValue::Text(text) => template(&place, text, odd).map(FieldValue::Text),
            JiraFieldValue::Number(number) => Some(FieldValue::Number(number.clone())),
            JiraFieldValue::List(texts) => Some(FieldValue::List(templates(&place, texts, odd))),
        };
        fields.extend(value.map(|value| (name.clone(), value)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Settings;
    use landfall_cli::{Layers, Values};
    use landfall_jira::JiraConfig;

    use super::apply;

    #[test]
    fn every_unknown_placeholder_is_told() {
        let text = "[jira]\nsummary = \"{relase}\"\nlabels = [\"{x}\", \"ok\"]\n[jira.fields]\nRisk = \"{y}\"\nHours = 1\n[jira.screens.resolved]\nNotes = [\"}\"]\n";
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid").jira;
        let layers = Layers::default();
        let mut values = Values::new(&[], &layers);
        let mut config = JiraConfig::new("REL", "Release");
        apply(&settings, &mut config, &mut values);
        let problems: Vec<String> =
            values.finish().expect_err("odd").into_iter().map(|problem| problem.what).collect();
        assert_eq!(problems.len(), 4, "{problems:?}");
        for (problem, place) in problems.iter().zip([
            "jira.summary",
            "jira.labels",
            "jira.fields.Risk",
            "jira.screens.resolved.Notes",
        ]) {
            assert!(problem.contains(place), "{problem}");
        }
        assert_eq!(config.ticket.fields.len(), 1);
    }
}
