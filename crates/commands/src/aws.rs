//! What stages that speak to AWS are told, alike for all of them.

use std::path::PathBuf;

use landfall_artifacts::{AwsAuthEnv, Class, FileError, Problem};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints, ProfileFiles, keys_of_profile};
use landfall_cli::{Opt, Source};
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_transport::Http;

use crate::Context;

/// The options of every stage that speaks to AWS.
pub(crate) const OPTIONS: [Opt; 6] = [
    Opt::value("region", "REGION", "the AWS region")
        .env(&["AWS_REGION", "AWS_DEFAULT_REGION"])
        .key("environment.aws_region"),
    Opt::value("aws-auth", "FILE", "temporary AWS credentials; keys in the environment come before it")
        .default("aws_auth.env"),
    Opt::value("account", "ID", "the AWS account that the credentials must belong to")
        .env(&["AWS_ACCOUNT_ID"])
        .key("environment.account"),
    Opt::secret("access-key-id", &["AWS_ACCESS_KEY_ID"], "AWS access key id"),
    Opt::secret("secret-access-key", &["AWS_SECRET_ACCESS_KEY"], "AWS secret access key"),
    Opt::secret("session-token", &["AWS_SESSION_TOKEN"], "AWS session token"),
];

/// Where AWS services are, by `AWS_ENDPOINT_URL` and its forms for single services.
///
/// What directs requests elsewhere is said in the log.
pub(crate) fn endpoints(context: &Context) -> Endpoints {
    let set: Vec<&str> = context.environment().names_with_prefix("AWS_ENDPOINT_URL").collect();
    if !set.is_empty() {
        context.run().progress().event(Event::Note(format!("AWS endpoints as set in {}", set.join(", "))));
    }
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    Endpoints {
        general: get("AWS_ENDPOINT_URL"),
        sts: get("AWS_ENDPOINT_URL_STS"),
        ecr: get("AWS_ENDPOINT_URL_ECR"),
        lambda: get("AWS_ENDPOINT_URL_LAMBDA"),
        s3: get("AWS_ENDPOINT_URL_S3"),
    }
}

/// The keys: those of the environment, else those of the file, else those of the profile that `AWS_PROFILE` names; `None` where
/// there are none.
///
/// # Errors
/// Half a set of keys in the environment, a file that breaks its format, keys that are over.
pub(crate) async fn keys(context: &Context) -> Result<Option<AwsKeys>, Refusal> {
    let values = context.values();
    let (id, secret) = (values.secret("access-key-id"), values.secret("secret-access-key"));
    let keys = match (id, secret) {
        (Some(id), Some(secret)) => AwsKeys::new(id.expose(), secret, values.secret("session-token")),
        (None, None) => {
            let found = match keys_of_file(context)? {
                Some(keys) => Some(keys),
                None => keys_of_named_profile(context).await?,
            };
            let Some(keys) = found else { return Ok(None) };
            keys
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(Refusal::one(
                Problem::new(
                    "LF-AWS-KEYS",
                    Class::Input,
                    "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set",
                )
                .with_remedy("set both, or neither and have aws-credentials leave aws_auth.env"),
            ));
        }
    };
    keys.teach(context.run().redactor());
    if keys.time_left(context.run().clock().now()).is_some_and(|left| left.is_zero()) {
        return Err(Refusal::one(
            Problem::new("LF-AWS-EXPIRED", Class::Refused, "the AWS credentials are over")
                .with_remedy("run aws-credentials again, then this stage"),
        ));
    }
    Ok(Some(keys))
}

fn keys_of_file(context: &Context) -> Result<Option<AwsKeys>, Refusal> {
    let Some((path, source)) = context.values().sourced("aws-auth") else { return Ok(None) };
    match AwsAuthEnv::read(&PathBuf::from(path)) {
        Ok(file) => Ok(Some(
            AwsKeys::new(file.access_key_id.expose(), file.secret_access_key, Some(file.session_token))
                .expiring(file.expiration),
        )),
        Err(FileError::Missing { .. }) if source == Source::Default => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn keys_of_named_profile(context: &Context) -> Result<Option<AwsKeys>, Refusal> {
    let environment = context.environment();
    let Some(name) = environment.get("AWS_PROFILE") else { return Ok(None) };
    let home = PathBuf::from(environment.get("HOME").unwrap_or_default());
    let path = |variable: &str, usual: &str| {
        environment.get(variable).map_or_else(|| home.join(".aws").join(usual), PathBuf::from)
    };
    let files = ProfileFiles {
        credentials: path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        config: path("AWS_CONFIG_FILE", "config"),
    };
    context.run().progress().event(Event::Note(format!("AWS credentials of the profile {name}")));
    Ok(Some(keys_of_profile(name, &files).await?))
}

/// The configuration of AWS clients; credentials must be there, and belong to the account where one is named.
///
/// # Errors
/// Everything that is missing or odd, and credentials of another account: before anything is written.
pub(crate) async fn config(context: &Context, http: &Http) -> Result<AwsConfig, Refusal> {
    let mut values = context.values();
    let region = values.required("region");
    let keys = keys(context).await?;
    if keys.is_none() {
        values.problem(
            "LF-AWS-KEYS",
            "there are no AWS credentials",
            Some(
                "run aws-credentials, which leaves aws_auth.env; or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
                    .to_owned(),
            ),
        );
    }
    values.finish().map_err(Refusal)?;
    let (Some(region), Some(keys)) = (region, keys) else { return Err(Refusal(Vec::new())) };
    let config = AwsConfig::new(&region, keys, endpoints(context), http.clone())?;
    check_account(context, &config).await?;
    Ok(config)
}

/// Checks, before the first write, that the credentials belong to the account that was named.
///
/// # Errors
/// Another account, or what STS says.
async fn check_account(context: &Context, config: &AwsConfig) -> Result<(), Refusal> {
    let Some(expected) = context.values().text("account") else { return Ok(()) };
    let identity = landfall_aws::caller_identity(config, context.run()).await?;
    if identity.account != expected {
        return Err(Refusal::one(
            Problem::new(
                "LF-AWS-ACCOUNT",
                Class::Refused,
                format!("the AWS credentials belong to account {}, not {expected}", identity.account),
            )
            .with_remedy(
                "check the Vault role and AWS_ROLE_ARN of this environment, and the account in landfall.toml",
            ),
        ));
    }
    context.run().progress().event(Event::Note(format!("acting as {}", identity.arn)));
    Ok(())
}
