//! `smoke-test` as a command.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{EnvironmentKind, Settings, SmokeCheck};
use landfall_cli::{Opt, Values};
use landfall_lambda_deploy::LambdaClient;
use landfall_secret::Secret;
use landfall_stages::smoke_test::{Config, Deps, Patience, USUAL_WINDOW, allowed, run};
use landfall_stages::{Outcome, Refusal};
use landfall_transport::Http;

use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

/// What commands see of the environment, besides the variables of the environment's row and those of `--pass-env`: nothing that
/// holds a secret.
const PASSED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TERM",
    "TMPDIR",
    "CI",
    "CI_ENVIRONMENT_NAME",
    "AWS_REGION",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

impl crate::Command for Command {
    const NAME: &'static str = "smoke-test";
    const SUMMARY: &'static str = "Check whether a deployment works, and record how that ended";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::list("check", "TABLE", "a check as [[smoke]] has it, such as 'http = \"https://...\", read_only = true'; instead of those of landfall.toml; may be given several times"),
                Opt::list("http", "URL", "an address that must answer 200, which counts as read_only; may be given several times"),
                Opt::list("command", "TEXT", "a command for sh that must end with 0; may be given several times"),
                Opt::list("invoke", "FUNCTION", "a Lambda function that must not fail; may be given several times"),
                Opt::switch("read-only", "refuse checks that are not marked read_only = true; always on in production")
                    .env(&["LANDFALL_READ_ONLY"]),
                Opt::value("within", "DURATION", "how long checks that fail are made again").default("2m"),
                Opt::value("pass-env", "NAMES", "further variables that commands see, comma-separated")
                    .env(&["LANDFALL_PASS_ENV"]),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let target = context.target();
            let checks = checks(context, &mut values)?;
            let row = match &target.environment {
                Some(name) => context.settings.environments.get(name),
                None => None,
            };
            let in_production = row.is_some_and(|row| row.kind == EnvironmentKind::Production);
            let window = values.duration("within").unwrap_or(USUAL_WINDOW);
            let config = Config {
                environment: target.environment.clone(),
                release: target.release.clone(),
                read_only: values.is_on("read-only") || in_production,
                patience: Patience { window: window.max(Duration::from_secs(1)), ..Patience::default() },
                checks,
            };
            let mut variables = variables(context, &values.text("pass-env").unwrap_or_default());
            if let Some(row) = row {
                variables.extend(row.variables.clone());
            }
            values.finish().map_err(Refusal)?;
            let mut deps = Deps {
                function_name: target.function_name.clone().zip(target.environment.clone()),
                variables,
                ..Deps::default()
            };
            let (asks, invokes) = (
                config.checks.iter().any(|check| check.http.is_some()),
                config.checks.iter().any(|check| check.invoke.is_some()),
            );
            if asks || invokes {
                deps.http = Some(context.http()?);
            }
            if let Some(http) = deps.http.as_ref().filter(|_| invokes && !context.output().is_dry_run()) {
                let aws = aws::config(context, http).await?;
                deps.lambda = Some(LambdaClient::new(&aws, context.run().share())?);
            }
            run(&config, &deps, &context.ledger, context.output(), context.run()).await
        })
    }
}

/// The checks of `landfall.toml` for a deployment to this environment, and what they are made with.
///
/// # Errors
/// No checks; in production, checks that are not marked as reading only.
pub(crate) fn of_deployment(
    context: &Context,
    http: Http,
    lambda: LambdaClient,
) -> Result<(Vec<SmokeCheck>, Deps), Refusal> {
    let target = context.target();
    let environment = target.environment.as_ref();
    let row = environment.and_then(|name| context.settings.environments.get(name));
    let checks: Vec<SmokeCheck> = context.settings.smoke_checks(environment).into_iter().cloned().collect();
    allowed(&checks, row.is_some_and(|row| row.kind == EnvironmentKind::Production))?;
    let mut variables = variables(context, "");
    if let Some(row) = row {
        variables.extend(row.variables.clone());
    }
    let deps = Deps {
        function_name: target.function_name.clone().zip(target.environment.clone()),
        variables,
        http: Some(http),
        lambda: Some(lambda),
    };
    Ok((checks, deps))
}

/// The checks that were given, else those of `landfall.toml`.
fn checks(context: &Context, values: &mut Values<'_>) -> Result<Vec<SmokeCheck>, Refusal> {
    let mut tables = Vec::new();
    for table in values.list("check") {
        tables.push(table);
    }
    // An address is asked by GET, which changes nothing (RFC 9110, 9.2.1).
    for (key, more) in [("http", ", read_only = true"), ("command", ""), ("invoke", "")] {
        for value in values.list(key) {
            tables.push(format!("{key} = {}{more}", toml_text(&value)));
        }
    }
    if tables.is_empty() {
        let environment = context.target().environment.as_ref();
        return Ok(context.settings.smoke_checks(environment).into_iter().cloned().collect());
    }
    let mut checks = Vec::new();
    for table in tables {
        let text = format!("smoke = [{{ {table} }}]\n");
        checks.extend(Settings::parse(text.as_bytes(), "--check", &[])?.smoke);
    }
    Ok(checks)
}

/// A text as a basic string of TOML.
fn toml_text(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                written.push('\\');
                written.push(c);
            }
            c if c.is_control() => written.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

fn variables(context: &Context, more: &str) -> BTreeMap<String, String> {
    let named: Vec<&str> = more.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    // What is named for them is likely to be a secret, and commands print what they like.
    for value in named.iter().filter_map(|name| context.environment().get(name)) {
        context.run().redactor().learn(&Secret::new(value));
    }
    let mut variables: BTreeMap<String, String> = PASSED
        .into_iter()
        .chain(named)
        .filter_map(|name| Some((name.to_owned(), context.environment().get(name)?.to_owned())))
        .collect();
    if let Some(environment) = &context.target().environment {
        variables.insert("CI_ENVIRONMENT_NAME".to_owned(), environment.to_string());
    }
    if let Some(release) = &context.target().release {
        variables.insert("LANDFALL_RELEASE".to_owned(), release.to_string());
    }
    variables
}
