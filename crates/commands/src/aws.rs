//! What stages that speak to AWS are told, alike for all of them.

use landfall_artifacts::{Class, Problem};
use landfall_aws::{AwsConfig, Endpoints, Expected, mismatch};
use landfall_cli::Opt;
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_transport::Http;

use crate::{Context, aws_keys, aws_login};

/// The options of every stage that speaks to AWS.
pub(crate) const OPTIONS: [Opt; OWN.len() + aws_login::OPTIONS.len()] = {
    let mut all = [aws_keys::OPTION; OWN.len() + aws_login::OPTIONS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OWN.len() { OWN[at] } else { aws_login::OPTIONS[at - OWN.len()] };
        at += 1;
    }
    all
};

const OWN: [Opt; 7] = [
    Opt::value("region", "REGION", "the AWS region")
        .env(&["AWS_REGION", "AWS_DEFAULT_REGION"])
        .key("environment.aws_region"),
    aws_keys::OPTION,
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
    quiet_endpoints(context)
}

/// The same without a word.
pub(crate) fn quiet_endpoints(context: &Context) -> Endpoints {
    let get = |name: &str| context.environment().get(name).map(str::to_owned);
    Endpoints {
        general: get("AWS_ENDPOINT_URL"),
        sts: get("AWS_ENDPOINT_URL_STS"),
        ecr: get("AWS_ENDPOINT_URL_ECR"),
        lambda: get("AWS_ENDPOINT_URL_LAMBDA"),
        s3: get("AWS_ENDPOINT_URL_S3"),
    }
}

/// The configuration of AWS clients; credentials must be there, and belong to the account where one is named.
///
/// # Errors
/// Everything that is missing or odd, and credentials of another account: before anything is written.
pub(crate) async fn config(context: &Context, http: &Http) -> Result<AwsConfig, Refusal> {
    let mut values = context.values();
    let region = values.required("region");
    let keys = aws_keys::keys(context).await?;
    if keys.is_none() {
        let Problem { code, what, remedy, .. } = no_keys();
        values.problem(&code, &what, remedy);
    }
    values.finish().map_err(Refusal)?;
    let (Some(region), Some(keys)) = (region, keys) else { return Err(Refusal(Vec::new())) };
    let config = AwsConfig::with_held(&region, keys, endpoints(context), http.clone())?;
    check_account(context, &config).await?;
    Ok(config)
}

/// That there are no credentials.
pub(crate) fn no_keys() -> Problem {
    Problem::new("LF-AWS-KEYS", Class::Input, "there are no AWS credentials").with_remedy(
        "run aws-credentials, which leaves aws_auth.env; or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    )
}

/// Checks, before the first write, that the credentials belong to the account that was named, and where this stage logged in itself
/// to the role.
///
/// # Errors
/// Another account or role, or what STS says.
async fn check_account(context: &Context, config: &AwsConfig) -> Result<(), Refusal> {
    let login = aws_keys::own_login(context)?;
    let expected = aws_keys::expected(context)?;
    if expected == Expected::default() {
        return Ok(());
    }
    let identity = landfall_aws::caller_identity(config, context.run()).await?;
    if let Some(login) = login {
        if let Some(problem) = mismatch(&expected, &identity, &format!("{}'s credentials", login.giver())) {
            return Err(Refusal::one(problem));
        }
    } else if let Some(account) = expected.account.filter(|account| *account != identity.account) {
        return Err(Refusal::one(
            Problem::new(
                "LF-AWS-ACCOUNT",
                Class::Refused,
                format!("the AWS credentials belong to account {}, not {account}", identity.account),
            )
            .with_remedy(
                "check the Vault role and AWS_ROLE_ARN of this environment, and the account in landfall.toml",
            ),
        ));
    }
    context.run().progress().event(Event::Note(format!("acting as {}", identity.arn)));
    Ok(())
}
