//! What the four Jira stages are told, alike for all of them.

use std::path::PathBuf;

use landfall_artifacts::{Class, Problem, RegionKey};
use landfall_cli::Opt;
use landfall_jira::{Instructions, Jira, JiraConfig, Statuses};
use landfall_secret::{Credential, CredentialKind, Origin};
use landfall_stages::Refusal;
use landfall_stages::jira::Common;

use crate::Context;
use crate::context::{FUNCTIONS, LOCK, VERSIONS};

/// The options of every Jira stage.
pub(crate) fn options() -> Vec<Opt> {
    vec![
        VERSIONS,
        FUNCTIONS,
        LOCK,
        Opt::value("jira", "URL", "Jira's address").env(&["JIRA_URL"]).key("jira.url"),
        Opt::value("project", "KEY", "the Jira project").env(&["JIRA_PROJECT"]).key("jira.project"),
        Opt::value("issue-type", "NAME", "the type of release tickets")
            .env(&["JIRA_ISSUE_TYPE"])
            .key("jira.issue_type")
            .default("Release"),
        Opt::value("user", "EMAIL", "the account of the token; without it the token is sent as a bearer token")
            .env(&["JIRA_USER"]),
        Opt::secret("token", &["JIRA_TOKEN"], "the account's API token"),
        Opt::value("ticket", "KEY", "the ticket, where it is known").env(&["JIRA_TICKET"]),
        Opt::value("tickets", "FILE", "the tickets of this release").default("jira-tickets.json"),
        Opt::value("pipeline", "URL", "the pipeline's address").env(&["CI_PIPELINE_URL"]),
        Opt::value("nx-target", "NAME", "the step and region as existing pipelines name them, such as transition-jira-tickets-deploy-pp-eu")
            .env(&["NX_TARGET"]),
    ]
}

/// What `NX_TARGET` says: the words between the stage's name and the region key, and the region key.
pub(crate) fn nx_target(context: &Context, stage: &str) -> Option<(String, RegionKey)> {
    let text = context.values().text("nx-target")?;
    let rest = text.strip_prefix(stage)?.strip_prefix('-')?;
    let (word, region) = rest.rsplit_once('-')?;
    Some((word.to_owned(), region.parse().ok()?))
}

/// What all Jira stages are told.
///
/// # Errors
/// What is odd.
pub(crate) fn common(context: &Context, stage: &str) -> Result<Common, Refusal> {
    let mut values = context.values();
    let mut target = context.target().clone();
    if let Some((_, region)) = nx_target(context, stage) {
        target.region_key = Some(region);
    }
    let common = Common {
        target,
        places: context.places(),
        tickets: PathBuf::from(values.text("tickets").unwrap_or_default()),
        ticket: values.parsed("ticket"),
        pipeline: values.text("pipeline"),
    };
    values.finish().map_err(Refusal)?;
    Ok(common)
}

/// The client.
///
/// # Errors
/// What is missing or odd.
pub(crate) fn client(context: &Context) -> Result<Jira, Refusal> {
    let mut values = context.values();
    let (address, project) = (values.required("jira"), values.required("project"));
    let token = values.required_secret("token");
    let (user, issue_type) = (values.text("user"), values.text("issue-type").unwrap_or_default());
    values.finish().map_err(Refusal)?;
    let (Some(address), Some(project), Some(token)) = (address, project, token) else {
        return Err(Refusal(Vec::new()));
    };
    let origin = Origin::parse(&address).map_err(|cause| {
        Refusal::one(
            Problem::new(
                "LF-CONFIG",
                Class::Input,
                format!("`{}` is not an address of Jira: {cause}", landfall_secret::escape(&address, 200)),
            )
            .with_remedy("give it as https://name.atlassian.net by --jira or JIRA_URL"),
        )
    })?;
    let kind = match user {
        Some(user) => CredentialKind::Basic { user, password: token },
        None => CredentialKind::Bearer(token),
    };
    let site = context.http()?.site("jira", &address, Some(Credential::new(origin, kind)))?;
    let file = &context.layers.file;
    let mut config = JiraConfig::new(project, issue_type);
    let status =
        |step: &str, default: String| file.get(&format!("jira.status.{step}")).cloned().unwrap_or(default);
    let default = Statuses::default();
    config.statuses = Statuses {
        deploy_pp: status("deploy-pp", default.deploy_pp),
        pp_testing: status("pp-testing", default.pp_testing),
        deploying: status("deploying", default.deploying),
        resolved: status("resolved", default.resolved),
        closed: status("closed", default.closed),
    };
    config.instructions = match file.get("jira.instructions").map(String::as_str) {
        None | Some("section") => Instructions::Section,
        Some(field) => Instructions::Field(field.to_owned()),
    };
    Ok(Jira::new(site, config)?)
}
