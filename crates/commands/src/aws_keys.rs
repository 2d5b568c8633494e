//! Where a stage that speaks to AWS has its keys from, and from where it gets others when they end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{AwsAuthEnv, Class, FileError, Problem};
use landfall_aws::{
    AwsKeys, Error, Expected, HeldKeys, KeyCheck, KeySource, NotRenewed, Profile, ProfileFiles, Renewed,
    Renewing, keys_of_process, profile,
};
use landfall_cli::{Opt, Source};
use landfall_run::{Event, Run};
use landfall_stages::Refusal;
use landfall_vault_creds::{AwsLogin, Renewal};

use crate::{Context, aws, aws_login};

/// Where the keys come from.
pub(crate) const OPTION: Opt = Opt::value(
    "credentials",
    "env|file|profile|vault|web-identity",
    "where the AWS credentials come from; else the environment, aws_auth.env or AWS_PROFILE, the first that has some. vault and web-identity log in for this stage, and again where it takes longer than they live",
)
.env(&["LANDFALL_CREDENTIALS"]);

/// The places that keys may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The first of the next three that has some.
    Usual,
    Environment,
    File,
    Profile,
    /// A login of this stage's own, as `--login` says.
    Vault,
    /// A login of this stage's own at AWS.
    Aws,
}

/// The keys of the run, taken once however often they are asked for; `None` where there are none.
///
/// # Errors
/// Half a set of keys in the environment, a file that breaks its format, keys that are over, a login that fails.
pub(crate) async fn keys(context: &Context) -> Result<Option<HeldKeys>, Refusal> {
    let held = context.aws_keys.get_or_try_init(|| find(context)).await?;
    Ok(held.clone())
}

/// Whether there are keys, or a login that gives some. Nobody is asked.
///
/// # Errors
/// As for [`keys`], as far as it can be seen without asking.
pub(crate) async fn are_there(context: &Context) -> Result<bool, Refusal> {
    match place(context)? {
        Place::Vault | Place::Aws => Ok(true),
        Place::Usual | Place::Environment | Place::File | Place::Profile => {
            Ok(keys(context).await?.is_some())
        }
    }
}

/// Whether the stage logs in itself for its keys.
///
/// # Errors
/// A place of keys that is none.
pub(crate) fn logs_in(context: &Context) -> Result<bool, Refusal> {
    Ok(matches!(place(context)?, Place::Vault | Place::Aws))
}

/// The login that the stage makes itself, where it makes one.
///
/// # Errors
/// Everything that is missing for it.
pub(crate) fn own_login(context: &Context) -> Result<Option<AwsLogin>, Refusal> {
    let mut values = context.values();
    let login = match place(context)? {
        Place::Vault => aws_login::login(context, &mut values, Duration::ZERO),
        Place::Aws => aws_login::at_aws(context, &mut values, Duration::ZERO),
        Place::Usual | Place::Environment | Place::File | Place::Profile => return Ok(None),
    };
    values.finish().map_err(Refusal)?;
    Ok(login)
}

fn place(context: &Context) -> Result<Place, Refusal> {
    let values = context.values();
    let refused = |what: String| Err(Refusal::one(Problem::new("LF-CONFIG", Class::Input, what)));
    match values.text("credentials").as_deref() {
        None => Ok(Place::Usual),
        Some("env") => Ok(Place::Environment),
        Some("file") => Ok(Place::File),
        Some("profile") => Ok(Place::Profile),
        Some("vault") => Ok(Place::Vault),
        Some("web-identity") => Ok(Place::Aws),
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            refused(format!("--credentials `{shown}` is neither env, file, profile, vault nor web-identity"))
        }
    }
}

async fn find(context: &Context) -> Result<Option<HeldKeys>, Refusal> {
    let place = place(context)?;
    let is = |one: Place| place == one || place == Place::Usual;
    if matches!(place, Place::Vault | Place::Aws) {
        return log_in(context).await.map(Some);
    }
    let mut found = None;
    if is(Place::Environment) {
        found = of_environment(context)?.map(|keys| (keys, None));
    }
    if found.is_none() && is(Place::File) {
        found = of_file(context, place == Place::File)?;
    }
    if found.is_none() && is(Place::Profile) {
        found = of_profile(context).await?;
    }
    let Some((keys, source)) = found else { return Ok(None) };
    let run = context.run();
    keys.teach(run.redactor());
    if keys.time_left(run.clock().now()).is_some_and(|left| left.is_zero()) {
        return Err(Refusal::one(
            Problem::new("LF-AWS-EXPIRED", Class::Refused, "the AWS credentials are over")
                .with_remedy("run aws-credentials again, then this stage"),
        ));
    }
    Ok(Some(match source {
        Some(source) => HeldKeys::renewed(keys, renewing(context, source)?, run),
        None => HeldKeys::fixed(keys),
    }))
}

/// Keys, and from where there may be others later.
type Found = (AwsKeys, Option<Arc<dyn KeySource>>);

async fn log_in(context: &Context) -> Result<HeldKeys, Refusal> {
    let Some(login) = own_login(context)? else { return Err(Refusal(Vec::new())) };
    aws_login::warn_of_switches(context, &login);
    let problems = login.problems();
    if !problems.is_empty() {
        return Err(Refusal(problems.iter().map(|problem| Problem::of(problem)).collect()));
    }
    let (http, run) = (context.http()?, context.run());
    run.progress().event(Event::Phase { name: format!("log in to {}", login.giver()), items: None });
    let fetched = login.fetch(&http, run).await?;
    for warning in &fetched.warnings {
        run.progress().event(Event::Warning(warning.clone()));
    }
    run.progress().event(Event::Note(format!("AWS credentials by {}", login.told())));
    if !login.can_repeat() {
        let what = format!(
            "the credentials live {} s and are not renewed: a wrapped secret id logs in once",
            fetched.granted_ttl.as_secs()
        );
        run.progress().event(Event::Warning(what));
        return Ok(HeldKeys::fixed(fetched.keys));
    }
    let source = Arc::new(Renewal::new(login, &http, run));
    Ok(HeldKeys::renewed(fetched.keys, renewing(context, source)?, run))
}

/// Renewed keys are held against what the first ones were.
fn renewing(context: &Context, source: Arc<dyn KeySource>) -> Result<Renewing, Refusal> {
    let expected = expected(context)?;
    // Of a stage that only records in a bucket the bucket's region is all that is known; STS answers in each.
    let values = context.values();
    let region = values.text("region").or_else(|| values.text("ledger-region")).unwrap_or_default();
    let check = KeyCheck::new(expected, &region, aws::quiet_endpoints(context), &context.http()?);
    Ok(Renewing::by(source).checked(check))
}

/// Whose the keys must be: of the account that was named, and where this stage logged in itself of the role.
///
/// # Errors
/// As for [`own_login`].
pub(crate) fn expected(context: &Context) -> Result<Expected, Refusal> {
    let login = own_login(context)?;
    Ok(Expected {
        account: context.values().text("account"),
        role_arn: login.as_ref().and_then(|login| login.role_arn()).map(str::to_owned),
    })
}

fn of_environment(context: &Context) -> Result<Option<AwsKeys>, Refusal> {
    let values = context.values();
    match (values.secret("access-key-id"), values.secret("secret-access-key")) {
        (Some(id), Some(secret)) => {
            Ok(Some(AwsKeys::new(id.expose(), secret, values.secret("session-token"))))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(Refusal::one(
            Problem::new(
                "LF-AWS-KEYS",
                Class::Input,
                "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set",
            )
            .with_remedy("set both, or neither and have aws-credentials leave aws_auth.env"),
        )),
    }
}

fn of_file(context: &Context, is_wanted: bool) -> Result<Option<Found>, Refusal> {
    let Some((path, source)) = context.values().sourced("aws-auth") else { return Ok(None) };
    let file = KeyFile(PathBuf::from(path));
    match file.read() {
        Ok(keys) => Ok(Some((keys, Some(Arc::new(file))))),
        Err(FileError::Missing { .. }) if source == Source::Default && !is_wanted => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn of_profile(context: &Context) -> Result<Option<Found>, Refusal> {
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
    let run = context.run();
    run.progress().event(Event::Note(format!("AWS credentials of the profile {name}")));
    Ok(Some(match profile(name, &files).await? {
        Profile::Keys(keys) => (keys, None),
        Profile::Process(command) => {
            let program = KeyProgram { name: name.to_owned(), command, run: run.clone() };
            let keys = keys_of_process(&program.name, &program.command, run).await?;
            (keys, Some(Arc::new(program)))
        }
    }))
}

/// `aws_auth.env`, which another job or step may write anew while this stage runs.
#[derive(Debug)]
struct KeyFile(PathBuf);

impl KeyFile {
    fn read(&self) -> Result<AwsKeys, FileError> {
        let file = AwsAuthEnv::read(&self.0)?;
        let token = Some(file.session_token);
        Ok(AwsKeys::new(file.access_key_id.expose(), file.secret_access_key, token).expiring(file.expiration))
    }
}

impl KeySource for KeyFile {
    fn renew(&self) -> Renewed<'_> {
        // It was there before, and whoever writes it may be about to: what is wrong with it now passes.
        let passing = |error| NotRenewed { problem: Problem::of(&error), is_passing: true };
        Box::pin(async move { self.read().map_err(passing) })
    }
}

/// The `credential_process` of a profile.
#[derive(Debug)]
struct KeyProgram {
    name: String,
    command: String,
    run: Run,
}

impl KeySource for KeyProgram {
    fn renew(&self) -> Renewed<'_> {
        Box::pin(async {
            let keys = keys_of_process(&self.name, &self.command, &self.run).await;
            keys.map_err(|error| {
                // It gave keys before. What it prints is not going to be other than it is.
                let is_passing = matches!(error, Error::Process { .. });
                NotRenewed { problem: Problem::of(&error), is_passing }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use landfall_aws::KeySource as _;
    use landfall_run::Run;

    use super::{KeyFile, KeyProgram};

    #[tokio::test]
    async fn a_file_that_is_away_may_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = KeyFile(folder.path().join("aws_auth.env"));
        let refused = file.renew().await.expect_err("not there");
        assert!(refused.is_passing && refused.problem.code == "LF-FILE-MISSING", "{refused:?}");
        std::fs::write(&file.0, "AWS_ACCESS_KEY_ID=ASIA").expect("written");
        assert!(file.renew().await.expect_err("half of it").is_passing);
        let whole = "AWS_ACCESS_KEY_ID=ASIA\nAWS_SECRET_ACCESS_KEY=secret\nAWS_SESSION_TOKEN=token\n";
        std::fs::write(&file.0, whole).expect("written");
        assert_eq!(file.renew().await.expect("keys").access_key_id, "ASIA");
    }

    #[tokio::test]
    async fn a_program_that_fails_may_do_better_and_one_that_prints_something_else_not() {
        for (command, is_passing) in
            [("exit 3", true), ("kill -9 $$", true), ("echo nothing", false), ("echo '{}'", false)]
        {
            let run = Run::builder().build();
            let program = KeyProgram { name: "deploy".to_owned(), command: command.to_owned(), run };
            let refused = program.renew().await.expect_err("no keys");
            assert_eq!((refused.is_passing, refused.problem.code.as_str()), (is_passing, "LF-AWS-PROCESS"));
        }
    }
}
