//! Who decides: by an id token, by GitHub's approvals of the run, else by the variables of the CI system.

use landfall_artifacts::Address;
use landfall_cli::Opt;
use landfall_ledger::gate::Identity;
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_stages::gate::Person;
use landfall_stages::gate::identity::{
    Error, Expected, IdToken, RunApprovals, approvals_of_run, of_id_token,
};

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

/// Who decides. Where there is no proof, or nobody answers who could give it, it is who the variables name, marked as unverified.
///
/// # Errors
/// A token that proves nothing, an issuer that is not the repo's, and an answer that says nothing: then the variables are not asked.
pub(super) async fn people(context: &Context, approved: bool) -> Result<Vec<Person>, Refusal> {
    let proved = match id_token(context)? {
        Some(token) => {
            Some(of_id_token(&token, &context.http()?, context.run()).await.map(|person| vec![person]))
        }
        None => match run_approvals(context, approved) {
            Some(asked) => Some(approvals_of_run(&asked, &context.http()?, context.run()).await),
            None => None,
        },
    };
    match proved {
        Some(Ok(people)) if people.is_empty() && is_started_by_hand(context) => {
            Ok(vec![of_variables(context)])
        }
        Some(Ok(people)) => Ok(people),
        Some(Err(error @ Error::Unreachable { .. })) => {
            let text = format!("{error}: who decides is taken from variables, and marked as unverified");
            context.run().progress().event(Event::Warning(text));
            Ok(vec![of_variables(context)])
        }
        Some(Err(error)) => Err(error.into()),
        None => Ok(vec![of_variables(context)]),
    }
}

fn of_variables(context: &Context) -> Person {
    Person { actor: report::actor(context.environment()), identity: Identity::Unverified, comment: None }
}

fn id_token(context: &Context) -> Result<Option<IdToken>, Error> {
    let values = context.values();
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    let issuer =
        issuer(context.settings.identity.issuer.as_ref().map(Address::as_str), values.text("issuer"))?;
    let Some(token) = values.secret("id-token") else { return Ok(None) };
    let audience = values.text("audience").unwrap_or_default();
    let (pipeline, job) = (get("CI_PIPELINE_ID"), get("CI_JOB_ID"));
    Ok(Some(IdToken { token, expected: Expected { issuer, audience, pipeline, job } }))
}

/// Who signs id tokens. Whoever starts a job may set its variables, and could name a server of their own: what the repo says stands
/// above them.
fn issuer(settled: Option<&str>, told: Option<String>) -> Result<String, Error> {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    match (settled, told) {
        (Some(settled), Some(told)) if bare(settled) != bare(&told) => Err(Error::OtherIssuer {
            settled: settled.to_owned(),
            told: landfall_secret::escape(&landfall_secret::shown_address(&told), 200),
        }),
        (Some(settled), _) => Ok(settled.to_owned()),
        (None, told) => Ok(told.unwrap_or_default()),
    }
}

/// On GitHub: the reviews of this run for this environment.
fn run_approvals(context: &Context, approved: bool) -> Option<RunApprovals> {
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    // Reviews of earlier attempts stand in the same list, without their time: whoever starts a run again would renew them.
    get("GITHUB_RUN_ATTEMPT").is_none_or(|attempt| attempt == "1").then_some(())?;
    get("GITHUB_ACTIONS").filter(|on| on == "true")?;
    Some(RunApprovals {
        api: get("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
        repository: get("GITHUB_REPOSITORY")?,
        run: get("GITHUB_RUN_ID")?,
        token: context.values().secret("github-token")?,
        environment: context.target().environment.clone()?,
        approved,
    })
}

/// Whether a person started the workflow for this: then that is who decides, where no review was asked for.
fn is_started_by_hand(context: &Context) -> bool {
    context.environment().get("GITHUB_EVENT_NAME") == Some("workflow_dispatch")
}

#[cfg(test)]
mod tests {
    use super::{Error, issuer};

    #[test]
    fn no_variable_names_another_issuer_than_the_repo() {
        let told = |text: &str| Some(text.to_owned());
        let ours = Some("https://gitlab.example.com");
        for one in [None, told("https://gitlab.example.com"), told("https://gitlab.example.com/")] {
            assert_eq!(issuer(ours, one).expect("one"), "https://gitlab.example.com");
        }
        assert_eq!(issuer(None, told("https://gitlab.com")).expect("one"), "https://gitlab.com");
        for foreign in [
            "https://evil.example.com",
            "https://gitlab.example.com.evil.example.com",
            "http://gitlab.example.com",
        ] {
            let refused = issuer(ours, told(foreign));
            assert!(matches!(refused, Err(Error::OtherIssuer { .. })), "{foreign}: {refused:?}");
        }
    }
}
