//! How to log in for AWS keys: the options that say it, and what they make.

use std::path::PathBuf;
use std::time::Duration;

use landfall_cli::{Opt, Values};
use landfall_run::Event;
use landfall_secret::Secret;
use landfall_vault_creds::{
    AwsLogin, GitHubOidc, IdToken, SecretId, VaultConfig, VaultLogin, WebIdentityConfig,
};

use crate::{Context, aws};

/// Who an id token is for when AWS itself is asked (AWS IAM User Guide, "OIDC federation").
const AWS_AUDIENCE: &str = "sts.amazonaws.com";

/// The options of a login. Region and account are those of every stage that speaks to AWS.
pub(crate) const OPTIONS: [Opt; 16] = [
    Opt::value("vault", "URL", "Vault's address")
        .env(&["HCV_URL", "VAULT_ADDR"])
        .key("environment.vault.address"),
    Opt::value("vault-namespace", "NAME", "Vault's namespace")
        .env(&["VAULT_NAMESPACE"])
        .key("environment.vault.namespace"),
    Opt::value(
        "login",
        "approle|jwt|token|web-identity",
        "how to log in: web-identity asks AWS itself by a token of the CI, jwt Vault by such a token; both need nothing stored. Of approle a wrapped secret id shows who opened it, a plain one lies about until it ends",
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
    Opt::value(
        "audience",
        "NAME",
        "who a token that GitHub is asked for is to be for; else sts.amazonaws.com with web-identity, and Vault's address with jwt",
    )
    .env(&["LANDFALL_ID_TOKEN_AUDIENCE"])
    .key("environment.vault.audience"),
    Opt::value("aws-path", "PATH", "the AWS role in Vault, such as aws/sts/deployer")
        .env(&["VAULT_AWS_PATH"])
        .key("environment.vault.aws_path"),
    Opt::value(
        "role-arn",
        "ARN",
        "the AWS role that the credentials must be those of; to be assumed with web-identity, and where Vault's role allows several",
    )
    .env(&["AWS_ROLE_ARN"])
    .key("environment.vault.role_arn"),
    Opt::value(
        "ttl",
        "DURATION",
        "how long the credentials are to live, 15m to 12h; an hour at most where Vault itself runs on an AWS role",
    )
    .env(&["VAULT_AWS_TTL"])
    .key("environment.vault.ttl")
    .default("1h"),
    Opt::value("role-id", "ID", "the AppRole's role id").env(&["VAULT_ROLE_ID"]),
    Opt::secret("secret-id", &["VAULT_SECRET_ID"], "the AppRole's secret id"),
    Opt::secret(
        "wrapped-secret-id",
        &["VAULT_WRAPPED_SECRET_ID"],
        "a token that wraps the secret id; goes before it",
    ),
    Opt::secret(
        "id-token",
        &["VAULT_ID_TOKEN"],
        "with jwt: what the CI signed for Vault, such as one of id_tokens",
    ),
    Opt::secret(
        "aws-id-token",
        &["AWS_ID_TOKEN"],
        "with web-identity: what the CI signed for AWS, such as one of id_tokens",
    ),
    Opt::secret(
        "id-token-request",
        &["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
        "set by GitHub for jobs that may ask for an id token, which is done where none is given",
    ),
    Opt::secret("vault-token", &["VAULT_TOKEN"], "with token: a token of Vault, which is left as it is"),
];

/// The login that the options name; what is missing for it is noted.
pub(crate) fn login(context: &Context, values: &mut Values<'_>, least_ttl: Duration) -> Option<AwsLogin> {
    match values.text("login").as_deref() {
        Some("web-identity") => at_aws(context, values, least_ttl),
        Some(_) | None => at_vault(context, values, least_ttl),
    }
}

/// A login at AWS itself; what is missing for it is noted.
pub(crate) fn at_aws(context: &Context, values: &mut Values<'_>, least_ttl: Duration) -> Option<AwsLogin> {
    let ttl = ttl(values);
    let given = values.secret("aws-id-token");
    let token = match context.environment().get("AWS_WEB_IDENTITY_TOKEN_FILE").filter(|_| given.is_none()) {
        // It is one for AWS, and nobody else sees it.
        Some(path) => Some(IdToken::File(PathBuf::from(path))),
        None => id_token(context, values, "aws-id-token", Some(AWS_AUDIENCE)).map(IdToken::from),
    };
    let role_arn = values.required("role-arn");
    // Every stage that logs in asks for the region itself, and says where it is missing.
    let region = values.text("region").unwrap_or_default();
    Some(AwsLogin::WebIdentity(WebIdentityConfig {
        endpoints: aws::endpoints(context),
        ttl,
        least_ttl,
        session_name: session_name(context),
        ..WebIdentityConfig::new(&region, &role_arn?, token?)
    }))
}

fn at_vault(context: &Context, values: &mut Values<'_>, least_ttl: Duration) -> Option<AwsLogin> {
    let ttl = ttl(values);
    let address = values.required("vault");
    let login = vault_login(context, values, address.as_deref());
    let aws_path = values.required("aws-path");
    let usual = VaultConfig::new(&address?, login?, &aws_path?);
    Some(AwsLogin::Vault(VaultConfig {
        namespace: values.text("vault-namespace"),
        login_mount: values.text("login-path").unwrap_or_else(|| usual.login_mount.clone()),
        role_arn: values.text("role-arn"),
        ttl,
        least_ttl,
        session_name: session_name(context),
        ..usual
    }))
}

/// Says that switches of Vault's own client have no effect on a login there: who sets one expects that it does something.
pub(crate) fn warn_of_switches(context: &Context, login: &AwsLogin) {
    const SWITCHES: [&str; 5] =
        ["VAULT_SKIP_VERIFY", "VAULT_CACERT", "VAULT_CAPATH", "VAULT_TLS_SERVER_NAME", "VAULT_HTTP_PROXY"];
    let get = |name: &&str| context.environment().get(name).is_some_and(|value| !value.is_empty());
    let set: Vec<&str> = SWITCHES.into_iter().filter(get).collect();
    if matches!(login, AwsLogin::Vault(_)) && !set.is_empty() {
        let what = format!(
            "{} without effect here: Vault proves who it is, by a CA of this machine or the one of --ca-file",
            if let [one] = set[..] { format!("{one} is") } else { format!("{} are", set.join(", ")) }
        );
        context.run().progress().event(Event::Warning(what));
    }
}

fn ttl(values: &mut Values<'_>) -> Duration {
    values.duration("ttl").unwrap_or(Duration::from_secs(3600))
}

/// How to log in at Vault; what is missing for it is noted.
fn vault_login(context: &Context, values: &mut Values<'_>, address: Option<&str>) -> Option<VaultLogin> {
    match values.text("login").as_deref() {
        Some("jwt") => {
            let role = values.text("vault-role");
            Some(match id_token(context, values, "id-token", address)? {
                Signed::Given(token) => VaultLogin::Jwt { role, token },
                Signed::GitHub(oidc) => VaultLogin::GitHub { role, oidc },
            })
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
            let what = format!("--login `{shown}` is neither approle, jwt, token nor web-identity");
            values.problem("LF-CONFIG", &what, None);
            None
        }
    }
}

/// A token of the CI that is there, or that GitHub gives.
enum Signed {
    Given(Secret),
    GitHub(GitHubOidc),
}

impl From<Signed> for IdToken {
    fn from(signed: Signed) -> Self {
        match signed {
            Signed::Given(token) => Self::Given(token),
            Signed::GitHub(oidc) => Self::GitHub(oidc),
        }
    }
}

/// The token of the CI: the one that `option` gives, or what GitHub gives. Each is for one audience: a token for AWS that Vault sees, or
/// the other way round, would be good for more than was meant.
fn id_token(
    context: &Context,
    values: &mut Values<'_>,
    option: &str,
    audience: Option<&str>,
) -> Option<Signed> {
    if let Some(token) = values.secret(option) {
        return Some(Signed::Given(token));
    }
    let url = context.environment().get("ACTIONS_ID_TOKEN_REQUEST_URL");
    match (url, values.secret("id-token-request")) {
        (Some(url), Some(bearer)) => {
            let audience = values.text("audience").or_else(|| audience.map(str::to_owned))?;
            Some(Signed::GitHub(GitHubOidc { url: url.to_owned(), bearer, audience }))
        }
        (Some(_) | None, _) => values.required_secret(option).map(Signed::Given),
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
