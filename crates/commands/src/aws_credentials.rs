//! `aws-credentials` as a command.

use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use landfall_artifacts::{EnvironmentKind, Problem};
use landfall_aws::Expected;
use landfall_cli::{Kind, Opt, Values};
use landfall_secret::Secret;
use landfall_stages::aws_credentials::{Config, Handing, To};
use landfall_stages::{Outcome, Refusal, aws_credentials};
use landfall_vault_creds::{Destination, GitLabVariables, Owner};

use crate::{Context, Effects, aws, aws_login};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "aws-credentials";
    const SUMMARY: &'static str =
        "Log in to Vault or AWS, take temporary AWS credentials, check whose they are";
    const EFFECTS: Effects = Effects::Files;
    const MAKES_KEYS: bool = true;

    fn effects(values: &Values<'_>) -> Effects {
        match values.text("to").as_deref() {
            Some("gitlab") if values.text("action").is_none() => Effects::Recorded,
            Some(_) | None => Self::EFFECTS,
        }
    }

    fn options() -> Vec<Opt> {
        let own = [
            Opt::positional(
                "action",
                "exec",
                "run the command after -- with the credentials: they are stored nowhere, and renewed while it runs. Best of all ways",
            ),
            Opt::rest("command", "COMMAND", "with exec: a program and its arguments"),
            Opt::switch(
                "static",
                "with exec: put the credentials in the command's environment, where they are not renewed; for programs that know nothing of the endpoint that AWS's SDKs and CLI ask",
            ),
            Opt::value(
                "to",
                "process|file|gitlab|github",
                "where the credentials go, the best first: process prints them for a credential_process of the AWS CLI and SDKs, so that they are stored nowhere; file is for jobs that it is passed on to; github for the next steps of the job. Variables of gitlab are seen by every job of the environment, last until --clean, and pipelines that run at once overwrite each other's",
            )
            .env(&["LANDFALL_CREDENTIALS_TO"])
            .default("file"),
            Opt::switch("clean", "with --to gitlab: log in nowhere and remove what was set there for the environment"),
            Opt::value("min-ttl", "DURATION", "how long they must live at least, for the jobs that follow")
                .env(&["VAULT_AWS_MIN_TTL", "VAULT_AWS_LEAST_TTL"])
                .key("environment.vault.min_ttl")
                .default("0s"),
            Opt::value(
                "account",
                "ID",
                "the AWS account that the credentials must belong to; else that of the role's ARN",
            )
            .env(&["AWS_ACCOUNT_ID"])
            .key("environment.account"),
            Opt::value("region", "REGION", "the AWS region")
                .env(&["AWS_REGION", "AWS_DEFAULT_REGION"])
                .key("environment.aws_region"),
            Opt::value("aws-auth", "FILE", "with --to file: the file").default("aws_auth.env"),
            Opt::value("gitlab", "URL", "with --to gitlab: its API, or its address")
                .env(&["CI_API_V4_URL", "CI_SERVER_URL"]),
            Opt::value("gitlab-project", "ID", "with --to gitlab: the project whose variables are set")
                .env(&["GITLAB_PROJECT_ID"]),
            Opt::value("gitlab-group", "ID", "with --to gitlab: or the group (scopes need GitLab Premium)")
                .env(&["GITLAB_GROUP_ID"]),
            Opt::value("github-env", "FILE", "with --to github: the file of variables").env(&["GITHUB_ENV"]),
            Opt::secret(
                "gitlab-token",
                &["GITLAB_TOKEN"],
                "with --to gitlab: a token of scope api; a job's own token cannot set variables",
            ),
        ];
        aws_login::OPTIONS.into_iter().chain(own).collect()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            if let Some(path) = old_file(&values) {
                // Before anybody is asked: later jobs must not work with the keys of another run.
                aws_credentials::forget(&path, context.output(), context.run())?;
            }
            if values.is_on("clean") {
                let variables = gitlab(context, &mut values);
                values.finish().map_err(Refusal)?;
                let Some(variables) = variables else { return Err(Refusal(Vec::new())) };
                let http = context.http()?;
                return aws_credentials::clean(&variables, &http, context.output(), context.run()).await;
            }
            let least_ttl = values.duration("min-ttl").unwrap_or_default();
            let login = aws_login::login(context, &mut values, least_ttl);
            let region = values.required("region");
            let to = to(context, &mut values);
            let expected = Expected { account: values.text("account"), role_arn: values.text("role-arn") };
            if expected == Expected::default() && is_production(context) {
                let what = "neither account nor role of a production environment is configured: any credentials would do";
                let remedy =
                    "set account in the environment's row of landfall.toml, AWS_ACCOUNT_ID, or AWS_ROLE_ARN";
                values.problem("LF-CONFIG-MISSING", what, Some(remedy.to_owned()));
            }
            values.finish().map_err(Refusal)?;
            let (Some(login), Some(region), Some(to)) = (login, region, to) else {
                return Err(Refusal(Vec::new()));
            };
            aws_login::warn_of_switches(context, &login);
            let endpoints = aws::endpoints(context);
            let config = Config { login, region, endpoints, expected, to };
            let http = context.http()?;
            let mut say = std::io::stdout();
            aws_credentials::run(&config, &http, context.output(), &mut say, context.run()).await
        })
    }
}

/// Whether the run's environment is of kind `production`.
fn is_production(context: &Context) -> bool {
    let environment = context.target().environment.as_ref();
    let row = environment.and_then(|name| context.settings.environments.get(name));
    row.is_some_and(|row| row.kind == EnvironmentKind::Production)
}

/// The file that the keys are to be in, where they are to be in one.
fn old_file(values: &Values<'_>) -> Option<PathBuf> {
    let to_file = matches!(values.text("to").as_deref(), Some("file") | None);
    let is_put = to_file && values.text("action").is_none() && !values.is_on("clean");
    values.text("aws-auth").filter(|_| is_put).map(PathBuf::from)
}

/// What becomes of the keys; what is missing for it is noted.
fn to(context: &Context, values: &mut Values<'_>) -> Option<To> {
    match values.text("action").as_deref() {
        Some("exec") => return command(context, values).map(To::Command),
        Some(other) => {
            let what = format!("`{}` is not exec", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, Some("write exec -- and the command, or nothing".to_owned()));
            return None;
        }
        None if !values.rest("command").is_empty() => {
            let remedy = "write exec before the --".to_owned();
            values.problem(
                "LF-CONFIG",
                "a command is given, and not what is to be done with it",
                Some(remedy),
            );
            return None;
        }
        None => {}
    }
    let wanted = values.text("to");
    if matches!(wanted.as_deref(), Some("process" | "github"))
        && values.text("output").as_deref() == Some("json")
    {
        let what =
            "--output json goes to standard output, and so does what --to process and --to github print";
        values.problem("LF-CONFIG", what, Some("name a file by --report for the report".to_owned()));
    }
    match wanted.as_deref() {
        Some("gitlab") => gitlab(context, values).map(Destination::GitLab),
        Some("github") => values.required("github-env").map(PathBuf::from).map(Destination::GitHub),
        Some("process") => Some(Destination::Process),
        Some("file") | None => values.text("aws-auth").map(PathBuf::from).map(Destination::File),
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("--to `{shown}` is neither process, file, gitlab nor github");
            values.problem("LF-CONFIG", &what, None);
            None
        }
    }
    .map(To::Destination)
}

/// The command of `exec`. Whether there is such a program is looked at now: a login may use up a secret id.
fn command(context: &Context, values: &mut Values<'_>) -> Option<aws_credentials::Command> {
    let words = values.rest("command");
    let Some(program) = words.first() else {
        let remedy = "write exec -- and the command, such as exec -- aws s3 ls".to_owned();
        values.problem("LF-CONFIG-MISSING", "the command is missing", Some(remedy));
        return None;
    };
    if !is_there(program, context.environment().get("PATH").unwrap_or_default()) {
        let shown = landfall_secret::escape(program, 200);
        let remedy = "name a program that is installed here after `exec --`".to_owned();
        values.problem("LF-EXEC", &format!("there is no program {shown}"), Some(remedy));
        return None;
    }
    let secrets = context.options.iter().filter(|option| option.kind == Kind::Secret);
    // Keys are among the stage's secrets for no stage but those that are given some.
    let hidden = secrets.flat_map(|option| option.variables).map(|name| (*name).to_owned());
    let request = "ACTIONS_ID_TOKEN_REQUEST_URL".to_owned();
    let handing = if values.is_on("static") { Handing::Static } else { Handing::Endpoint };
    Some(aws_credentials::Command {
        words,
        hidden: hidden.chain([request, "VAULT_ROLE_ID".to_owned()]).collect(),
        handing,
    })
}

/// Whether a program can be found as it will be looked for when it is started.
fn is_there(program: &str, path: &str) -> bool {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_program(Path::new(program));
    }
    std::env::split_paths(path).any(|folder| is_program(&folder.join(program)))
}

/// The variables of GitLab; what is missing for them is noted.
fn gitlab(context: &Context, values: &mut Values<'_>) -> Option<GitLabVariables> {
    let address = values.required("gitlab");
    let token = values.required_secret("gitlab-token");
    let owner = match (values.text("gitlab-project"), values.text("gitlab-group")) {
        (Some(project), None) => Some(Owner::Project(project)),
        (None, Some(group)) => Some(Owner::Group(group)),
        (Some(_), Some(_)) => {
            let what = "both a project and a group of GitLab are named";
            values.problem("LF-CONFIG", what, Some("set GITLAB_PROJECT_ID or GITLAB_GROUP_ID".to_owned()));
            None
        }
        (None, None) => {
            values.required("gitlab-project");
            None
        }
    };
    let scope = match context.environment_name() {
        Ok(name) => Some(name.to_string()),
        Err(Refusal(problems)) => {
            for Problem { code, what, remedy, .. } in problems {
                values.problem(&code, &what, remedy);
            }
            None
        }
    };
    let address = address?;
    let address = address.trim_end_matches('/');
    let api = if address.ends_with("/api/v4") { address.to_owned() } else { format!("{address}/api/v4") };
    Some(GitLabVariables {
        api,
        owner: owner?,
        scope: scope?,
        protected: context.environment().get("CI_COMMIT_REF_PROTECTED") == Some("true"),
        token: token.unwrap_or_else(|| Secret::new("")),
    })
}
