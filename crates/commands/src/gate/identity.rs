//! Who decides: by an id token, by GitHub's approvals of the run, else by the variables of the CI system.

use landfall_cli::Opt;
use landfall_ledger::gate::Identity;
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_stages::gate::Person;
use landfall_stages::gate::identity::{
    Error, Expected, IdToken, RunApprovals, approvals_of_run, of_id_token,
};

use super::pins::{self, Server};
use crate::{Context, report};

/// How it is known who decides.
pub(super) const OPTIONS: [Opt; 4] = [
    Opt::secret(
        "id-token",
        &["LANDFALL_ID_TOKEN"],
        "the id token of the job, which proves who started it: id_tokens in GitLab",
    ),
    Opt::value("issuer", "URL", "who signs the id token").env(&["CI_SERVER_URL"]),
    Opt::value("audience", "TEXT", "who the id token is for").default("landfall"),
    Opt::secret("github-token", &["GITHUB_TOKEN"], "asks GitHub who approved the run"),
];

/// Who decides. Where there is no proof, or nobody answers who could give it, it is who the variables name, marked as unverified; and so is
/// everybody whom a server vouches for that a variable of the job names.
///
/// # Errors
/// A token that proves nothing, an issuer, project, API or repository that is not the repo's, and an answer that says nothing: then the
/// variables are not asked.
pub(super) async fn people(context: &Context, approved: bool) -> Result<Vec<Person>, Refusal> {
    let pins = &context.settings.identity;
    let proved = match id_token(context)? {
        Some((token, server)) => {
            let asked = of_id_token(&token, &context.http()?, context.run()).await;
            Some((asked.map(|person| vec![person]), server, pins.project.is_some()))
        }
        None => match run_approvals(context, approved)? {
            Some((asked, server)) => {
                let asked = approvals_of_run(&asked, &context.http()?, context.run()).await;
                Some((asked, server, pins.repository.is_some()))
            }
            None => None,
        },
    };
    let warn = |text: String| context.run().progress().event(Event::Warning(text));
    match proved {
        Some((Ok(people), ..)) if people.is_empty() && is_started_by_hand(context) => {
            Ok(vec![of_variables(context)])
        }
        Some((Ok(people), server, is_project_pinned)) => {
            if let Some(warning) = server.warning(is_project_pinned).filter(|_| !people.is_empty()) {
                warn(warning);
            }
            Ok(people.into_iter().map(|person| server.vouches_for(person)).collect())
        }
        Some((Err(error @ Error::Unreachable { .. }), ..)) => {
            warn(format!("{error}: who decides is taken from variables, and marked as unverified"));
            Ok(vec![of_variables(context)])
        }
        Some((Err(error), ..)) => Err(error.into()),
        None => Ok(vec![of_variables(context)]),
    }
}

fn of_variables(context: &Context) -> Person {
    Person { actor: report::actor(context.environment()), identity: Identity::Unverified, comment: None }
}

fn id_token(context: &Context) -> Result<Option<(IdToken, Server)>, Error> {
    let values = context.values();
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    let pins = &context.settings.identity;
    let server = Server::issuer(pins, values.text("issuer"))?;
    let Some(token) = values.secret("id-token") else { return Ok(None) };
    let expected = Expected {
        issuer: server.address.clone(),
        audience: values.text("audience").unwrap_or_default(),
        pipeline: get("CI_PIPELINE_ID"),
        job: get("CI_JOB_ID"),
        project: pins.project.as_ref().map(ToString::to_string),
    };
    Ok(Some((IdToken { token, expected }, server)))
}

/// On GitHub: the reviews of this run for this environment.
fn run_approvals(context: &Context, approved: bool) -> Result<Option<(RunApprovals, Server)>, Error> {
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    // Reviews of earlier attempts stand in the same list, without their time: whoever starts a run again would renew them.
    let is_first = get("GITHUB_RUN_ATTEMPT").is_none_or(|attempt| attempt == "1");
    let is_there = is_first && get("GITHUB_ACTIONS").is_some_and(|on| on == "true");
    let (Some(repository), Some(run), Some(token), Some(environment)) = (
        get("GITHUB_REPOSITORY"),
        get("GITHUB_RUN_ID"),
        context.values().secret("github-token"),
        context.target().environment.clone().filter(|_| is_there),
    ) else {
        return Ok(None);
    };
    let pins = &context.settings.identity;
    let server = Server::github(pins, get("GITHUB_API_URL"))?;
    let repository = pins::repository(pins, repository)?;
    let asked = RunApprovals { api: server.address.clone(), repository, run, token, environment, approved };
    Ok(Some((asked, server)))
}

/// Whether a person started the workflow for this: then that is who decides, where no review was asked for.
fn is_started_by_hand(context: &Context) -> bool {
    context.environment().get("GITHUB_EVENT_NAME") == Some("workflow_dispatch")
}
