//! What the four Jira stages are told, alike for all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{Class, EnvironmentName, LedgerEvent, Problem, RegionKey, Settings};
use landfall_cli::{Opt, Values};
use landfall_jira::{Jira, JiraConfig, SearchPauses, Step};
use landfall_run::Event;
use landfall_secret::{Credential, CredentialKind, Origin};
use landfall_stages::Refusal;
use landfall_stages::jira::Common;

use crate::context::{FUNCTIONS, LOCK, VERSIONS};
use crate::report::run_link;
use crate::{Context, jira_settings};

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
        Opt::value("dashboard", "URL", "the dashboard's address, for a link on the ticket")
            .env(&["LANDFALL_DASHBOARD_URL"])
            .key("jira.dashboard"),
        Opt::value("branch", "NAME", "the branch").env(&["CI_COMMIT_REF_NAME", "GITHUB_REF_NAME"]),
        Opt::value(
            "patience",
            "DURATION",
            "how long Jira's search index is waited for, which may be a minute behind; shorter makes a second ticket possible",
        )
        .env(&["LANDFALL_JIRA_PATIENCE"])
        .key("jira.patience")
        .default("90s"),
        Opt::value("nx-target", "NAME", "the step and region as existing pipelines name them, such as transition-jira-tickets-deploy-pp-eu")
            .env(&["NX_TARGET"]),
    ]
}

/// The words of `NX_TARGET` at stages where it names what was deployed to.
pub(crate) const KINDS: [&str; 2] = ["staging", "production"];

/// What `NX_TARGET` says of a job of this stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The word between the stage's name and the region key.
    pub(crate) word: &'static str,
    /// The region key.
    pub(crate) region: RegionKey,
}

/// What `NX_TARGET` says; `None` where it is not set, or is a job's of another stage, or is the stage's bare name.
///
/// # Errors
/// A value that begins with the stage's name and goes on in another way than `-<word>-<region>`.
pub(crate) fn nx_target(
    context: &Context,
    stage: &str,
    words: &[&'static str],
) -> Result<Option<Named>, Problem> {
    match context.values().text("nx-target") {
        Some(text) => named(&text, stage, words),
        None => Ok(None),
    }
}

fn named(text: &str, stage: &str, words: &[&'static str]) -> Result<Option<Named>, Problem> {
    let Some(rest) = text.strip_prefix(stage).and_then(|rest| rest.strip_prefix('-')) else {
        return Ok(None);
    };
    let of_word = |word: &&'static str| {
        let region = rest.strip_prefix(*word)?.strip_prefix('-')?;
        Some(Named { word, region: region.parse().ok()? })
    };
    words.iter().find_map(of_word).map(Some).ok_or_else(|| {
        let what = format!(
            "the variable NX_TARGET `{}` is not {stage}-<word>-<region>, where the word is one of {}",
            landfall_secret::escape(text, 120),
            words.join(", ")
        );
        Problem::new("LF-CONFIG", Class::Input, what)
            .with_remedy(format!("name the job such as {stage}-{}-eu", words.first().unwrap_or(&"staging")))
    })
}

/// What `NX_TARGET` says where the word was given as argument too: a value of another form is then passed over, not guessed at.
pub(crate) fn nx_region(context: &Context, named: Result<Option<Named>, Problem>) -> Option<RegionKey> {
    match named {
        Ok(named) => named.map(|named| named.region),
        Err(problem) => {
            context.run().progress().event(Event::Warning(format!("{}: passed over", problem.what)));
            None
        }
    }
}

/// The region key that counts: that of `NX_TARGET`, else the environment's. Where both say one they must agree: the ticket of one region
/// would be told what happened in another.
pub(crate) fn region_key(
    context: &Context,
    named: Option<RegionKey>,
    values: &mut Values<'_>,
) -> Option<RegionKey> {
    let target = context.target();
    let environment = target.environment.as_ref();
    let own = environment.and_then(|name| own_region(&context.settings, name).map(|key| (name, key)));
    if let (Some(named), Some((environment, own))) = (&named, own)
        && *named != own
    {
        let what = format!(
            "the variable NX_TARGET names the region {named}, and the environment {environment} is of {own}"
        );
        let remedy = "name the environment of that region by --environment or CI_ENVIRONMENT_NAME, or correct region_key of its table in landfall.toml";
        values.problem("LF-CONFIG", &what, Some(remedy.to_owned()));
    }
    named.or_else(|| target.region_key.clone())
}

/// The region key of an environment, as far as it has one: a name of a single part, such as `staging`, names no region.
fn own_region(settings: &Settings, environment: &EnvironmentName) -> Option<RegionKey> {
    let configured = settings.environments.get(environment).and_then(|row| row.region_key.clone());
    let has_parts = environment.as_str().contains(['_', '-', '/', '.']);
    configured.or_else(|| settings.region_key(environment).filter(|_| has_parts))
}

/// What all Jira stages are told.
///
/// # Errors
/// What is odd.
pub(crate) async fn common(context: &Context, region: Option<RegionKey>) -> Result<Common, Refusal> {
    let mut values = context.values();
    let mut target = context.target().clone();
    target.region_key = region_key(context, region, &mut values);
    for step in unknown_steps(&context.layers.file) {
        let steps = Step::ALL.map(Step::as_str).join(", ");
        let what = format!(
            "[jira] status of landfall.toml names `{}`, which is no step",
            landfall_secret::escape(step, 80)
        );
        values.problem("LF-CONFIG", &what, Some(format!("name one of {steps}")));
    }
    let common = Common {
        target,
        places: context.places(),
        tickets: PathBuf::from(values.text("tickets").unwrap_or_default()),
        ticket: values.parsed("ticket"),
        pipeline: values.text("pipeline").or_else(|| run_link(context.environment())),
        dashboard: values.text("dashboard"),
        branch: values.text("branch"),
        events: events(context).await,
    };
    values.finish().map_err(Refusal)?;
    Ok(common)
}

/// What the ledger has. Tickets must not fail over one that is damaged, or elsewhere: they then say less, and that is said.
async fn events(context: &Context) -> Vec<LedgerEvent> {
    context.ledger.events().await.unwrap_or_else(|error| {
        let text = format!("the ledger is left out: {}", Problem::of(&error).told());
        context.run().progress().event(Event::Warning(text));
        Vec::new()
    })
}

/// Keys of the statuses that name no step.
fn unknown_steps(file: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    file.keys()
        .filter_map(|key| key.strip_prefix("jira.status."))
        .filter(|step| step.parse::<Step>().is_err())
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
    let mut config = JiraConfig::new(project.unwrap_or_default(), issue_type);
    config.pauses = values.duration("patience").map(SearchPauses::within).unwrap_or_default();
    jira_settings::apply(&context.settings.jira, &mut config, &mut values);
    values.finish().map_err(Refusal)?;
    let (Some(address), Some(token)) = (address, token) else {
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
    Ok(Jira::new(site, config)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::Settings;
    use landfall_jira::Step;

    use super::{KINDS, named, own_region, unknown_steps};

    #[test]
    fn the_job_s_name_gives_word_and_region() {
        let steps = Step::ALL.map(Step::as_str);
        let of = |text: &str| {
            named(text, "transition-jira-tickets", &steps)
                .map(|named| named.map(|named| (named.word, named.region.to_string())))
                .map_err(|problem| problem.what)
        };
        assert_eq!(of("transition-jira-tickets-deploy-pp-eu"), Ok(Some(("deploy-pp", "eu".to_owned()))));
        assert_eq!(of("transition-jira-tickets-closed-us-east"), Ok(Some(("closed", "us-east".to_owned()))));
        for other in
            ["comment-jira-tickets-staging-eu", "transition-jira-tickets", "transition-jira-ticketsx-y-z"]
        {
            assert_eq!(of(other), Ok(None), "{other}");
        }
        for odd in ["", "deploy-pp", "deploy-eu", "deploy-pp-", "deploy-pp-EU", "eu", "staging-eu"] {
            let text = format!("transition-jira-tickets-{odd}");
            assert!(of(&text).is_err_and(|what| what.contains(&format!("`{text}`"))), "{text}");
        }
        let of_kind = named("comment-jira-tickets-production-eu", "comment-jira-tickets", &KINDS);
        assert_eq!(of_kind.ok().flatten().map(|named| named.word), Some("production"));
    }

    #[test]
    fn an_environment_has_a_region_where_its_row_or_its_name_says_one() {
        let text = "[environment.staging]\nregion_key = \"apac\"\n[environment.prod_eu00]\nregion_key = \"europe\"\n[environment.stg_na00]\n";
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        let of = |settings: &Settings, name: &str| {
            own_region(settings, &name.parse().expect("a name")).map(|key| key.to_string())
        };
        assert_eq!(of(&settings, "staging").as_deref(), Some("apac"));
        assert_eq!(of(&settings, "prod_eu00").as_deref(), Some("europe"));
        assert_eq!(of(&settings, "stg_na00").as_deref(), Some("na"));
        let none = Settings::default();
        assert_eq!(of(&none, "stg_eu00").as_deref(), Some("eu"));
        assert_eq!(of(&none, "staging"), None);
    }

    #[test]
    fn statuses_are_of_steps() {
        let file: BTreeMap<String, String> = ["jira.status.deploy-pp", "jira.status.testing", "jira.url"]
            .map(|key| (key.to_owned(), "x".to_owned()))
            .into();
        assert_eq!(unknown_steps(&file).collect::<Vec<_>>(), ["testing"]);
    }
}
