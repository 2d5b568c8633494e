//! `aws-credentials` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use landfall_cli::{Opt, Values};
use landfall_secret::Secret;
use landfall_stages::{Outcome, Refusal, aws_credentials};
use landfall_vault_creds::{SecretId, VaultConfig, VaultLogin};

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
            Opt::value(
                "login",
                "approle|jwt|token",
                "how to log in: jwt needs nothing stored, a wrapped secret id shows who opened it, a plain one lies about until it ends",
            )
            .env(&["LANDFALL_VAULT_LOGIN"])
            .key("environment.vault.login")
            .default("approle"),
            Opt::value("login-path", "MOUNT", "where the auth method is mounted; else approle, or jwt")
                .env(&["HCV_LOGIN_PATH", "VAULT_AUTH_PATH"])
                .key("environment.vault.login_path"),
            Opt::value("vault-role", "NAME", "with jwt: the role; else the method's own")
                .env(&["VAULT_AUTH_ROLE"])
                .key("environment.vault.role"),
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
            Opt::secret(
                "wrapped-secret-id",
                &["VAULT_WRAPPED_SECRET_ID"],
                "a token that wraps the secret id; goes before it",
            ),
            Opt::secret("id-token", &["VAULT_ID_TOKEN"], "with jwt: what the CI signed, such as one of id_tokens"),
            Opt::secret("vault-token", &["VAULT_TOKEN"], "with token: a token of Vault, which is left as it is"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let address = values.required("vault");
            let login = login(&mut values);
            let (aws_path, region) = (values.required("aws-path"), values.required("region"));
            let usual = VaultConfig::new(
                &address.unwrap_or_default(),
                login.unwrap_or_else(|| VaultLogin::Token(Secret::new(""))),
                &aws_path.unwrap_or_default(),
            );
            let vault = VaultConfig {
                namespace: values.text("vault-namespace"),
                login_mount: values.text("login-path").unwrap_or_else(|| usual.login_mount.clone()),
                role_arn: values.text("role-arn"),
                ttl: values.duration("ttl").unwrap_or(Duration::from_secs(3600)),
                least_ttl: values.duration("least-ttl").unwrap_or_default(),
                session_name: session_name(context),
                ..usual
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

/// How to log in; what is missing for it is noted.
fn login(values: &mut Values<'_>) -> Option<VaultLogin> {
    match values.text("login").as_deref() {
        Some("jwt") => {
            let token = values.required_secret("id-token")?;
            Some(VaultLogin::Jwt { role: values.text("vault-role"), token })
        }
        Some("token") => values.required_secret("vault-token").map(VaultLogin::Token),
        Some("approle") | None => {
            let role_id = values.required("role-id");
            let secret_id = match values.secret("wrapped-secret-id") {
                Some(token) => Some(SecretId::Wrapped(token)),
                None => values.required_secret("secret-id").map(SecretId::Plain),
            };
            Some(VaultLogin::AppRole { role_id: role_id?, secret_id: secret_id? })
        }
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("--login `{shown}` is neither approle, jwt nor token");
            values.problem("LF-CONFIG", &what, None);
            None
        }
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
