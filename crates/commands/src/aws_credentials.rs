//! `aws-credentials` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use landfall_cli::Opt;
use landfall_secret::Secret;
use landfall_stages::{Outcome, Refusal, aws_credentials};
use landfall_vault_creds::VaultConfig;

use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "aws-credentials";
    const SUMMARY: &'static str = "Log in to Vault, take temporary AWS credentials, check whose they are";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![
            Opt::value("vault", "URL", "Vault's address")
                .env(&["HCV_URL", "VAULT_ADDR"])
                .key("environment.vault.address"),
            Opt::value("vault-namespace", "NAME", "Vault's namespace")
                .env(&["VAULT_NAMESPACE"])
                .key("environment.vault.namespace"),
            Opt::value("login-path", "MOUNT", "where AppRole is mounted")
                .env(&["HCV_LOGIN_PATH"])
                .key("environment.vault.login_path")
                .default("approle"),
            Opt::value("aws-path", "PATH", "the AWS role in Vault, such as aws/sts/deployer")
                .env(&["VAULT_AWS_PATH"])
                .key("environment.vault.aws_path"),
            Opt::value("role-arn", "ARN", "the AWS role to assume, where Vault's role allows several")
                .env(&["AWS_ROLE_ARN"])
                .key("environment.vault.role_arn"),
            Opt::value("ttl", "DURATION", "how long the credentials are to live, 15m to 12h")
                .env(&["VAULT_AWS_TTL"])
                .key("environment.vault.ttl")
                .default("1h"),
            Opt::value("least-ttl", "DURATION", "how long they must live at least, for the jobs that follow")
                .env(&["VAULT_AWS_LEAST_TTL"])
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
            Opt::value("aws-auth", "FILE", "where the credentials go").default("aws_auth.env"),
            Opt::value("role-id", "ID", "the AppRole's role id").env(&["VAULT_ROLE_ID"]),
            Opt::secret("secret-id", &["VAULT_SECRET_ID"], "the AppRole's secret id"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let (address, role_id) = (values.required("vault"), values.required("role-id"));
            let (secret_id, aws_path) = (values.required_secret("secret-id"), values.required("aws-path"));
            let region = values.required("region");
            let vault = VaultConfig {
                namespace: values.text("vault-namespace"),
                login_mount: values.text("login-path").unwrap_or_default(),
                role_arn: values.text("role-arn"),
                ttl: values.duration("ttl").unwrap_or(Duration::from_secs(3600)),
                least_ttl: values.duration("least-ttl").unwrap_or_default(),
                session_name: session_name(context),
                ..VaultConfig::new(
                    &address.unwrap_or_default(),
                    &role_id.unwrap_or_default(),
                    secret_id.unwrap_or_else(|| Secret::new("")),
                    &aws_path.unwrap_or_default(),
                )
            };
            let config = aws_credentials::Config {
                vault,
                region: region.unwrap_or_default(),
                endpoints: aws::endpoints(context),
                account: values.text("account"),
                file: PathBuf::from(values.text("aws-auth").unwrap_or_default()),
            };
            values.finish().map_err(Refusal)?;
            aws_credentials::run(&config, &context.http()?, context.output(), context.run()).await
        })
    }
}

/// A name that joins the audit log of AWS with the CI's: `gl-<pipeline>-<job>` or `gh-<run>-<attempt>`.
fn session_name(context: &Context) -> Option<String> {
    let get = |name: &str| context.environment().get(name);
    match (get("CI_PIPELINE_ID"), get("CI_JOB_ID"), get("GITHUB_RUN_ID"), get("GITHUB_RUN_ATTEMPT")) {
        (Some(pipeline), Some(job), _, _) => Some(format!("gl-{pipeline}-{job}")),
        (_, _, Some(run), Some(attempt)) => Some(format!("gh-{run}-{attempt}")),
        _ => None,
    }
}
