//! What a named profile holds: keys, or a program that prints some.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source::load;
use aws_types::os_shim_internal::{Env, Fs};
use landfall_artifacts::{FileError, read_bounded};
use landfall_secret::Secret;

use crate::{AwsKeys, Error};

/// A file of profiles larger than this is not one.
const MOST_BYTES: usize = 1 << 20;

/// The files in which profiles are kept; one that does not exist counts as empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFiles {
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub credentials: PathBuf,
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub config: PathBuf,
}

/// What a profile holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Keys that stand in the files.
    Keys(AwsKeys),
    /// A line for the shell whose program prints keys (`credential_process`), see [`keys_of_process`](crate::keys_of_process).
    Process(String),
}

/// What a profile holds (AWS SDKs and Tools Reference Guide, "Shared config and credentials files").
///
/// Keys that stand in the files come before a program that prints some. A profile that assumes a role or signs in is refused.
///
/// # Errors
/// [`Error::Profile`] where there is no such profile, or it holds neither; [`Error::ProfileFile`] where a file cannot be read.
pub async fn profile(name: &str, files: &ProfileFiles) -> Result<Profile, Error> {
    let sources = EnvConfigFiles::builder()
        .with_contents(EnvConfigFileKind::Config, text(&files.config)?)
        .with_contents(EnvConfigFileKind::Credentials, text(&files.credentials)?)
        .build();
    let refused = |why: &'static str| Error::Profile { name: landfall_secret::escape(name, 80), why };
    // Neither the process's environment nor its files are looked at: everything is in `sources`.
    let source = load(&Env::from_slice(&[]), &Fs::from_slice(&[]), &sources)
        .await
        .map_err(|_| refused("the files of profiles cannot be read"))?;
    let sections =
        EnvConfigSections::parse(source).map_err(|_| refused("the files of profiles break their format"))?;
    let profile = sections.get_profile(name).ok_or_else(|| refused("there is no such profile"))?;
    let value = |key: &str| profile.get(key).filter(|value| !value.is_empty());
    if let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
        let token = value("aws_session_token").map(Secret::new);
        return Ok(Profile::Keys(AwsKeys::new(id, Secret::new(secret), token)));
    }
    match value("credential_process") {
        Some(command) => Ok(Profile::Process(command.to_owned())),
        None => Err(refused(
            "it has neither keys of its own nor a credential_process; profiles that assume roles are not taken",
        )),
    }
}

fn text(path: &Path) -> Result<Cow<'static, str>, Error> {
    match read_bounded(path, MOST_BYTES) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned().into()),
        Err(FileError::Missing { .. } | FileError::Empty { .. }) => Ok("".into()),
        Err(cause) => Err(Error::ProfileFile { cause: Box::new(cause) }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Profile, ProfileFiles, profile};
    use crate::Error;

    #[tokio::test]
    async fn keys_are_taken_from_the_named_profile_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ProfileFiles {
            credentials: folder.path().join("credentials"),
            config: folder.path().join("config"),
        };
        let text = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = no\n\
                    [deploy]\naws_access_key_id = AKIADEPLOY\naws_secret_access_key = yes/+=\naws_session_token = token\n";
        std::fs::write(&files.credentials, text).expect("written");
        std::fs::write(&files.config, "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\n[profile program]\ncredential_process = print keys --now\n")
            .expect("written");
        let Ok(Profile::Keys(keys)) = profile("deploy", &files).await else { panic!("keys") };
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("AKIADEPLOY", "yes/+="));
        assert_eq!(keys.session_token.map(|token| token.expose().to_owned()), Some("token".to_owned()));
        assert_eq!(
            profile("program", &files).await.expect("a program"),
            Profile::Process("print keys --now".to_owned())
        );
        for missing in ["role", "nobody"] {
            assert!(matches!(profile(missing, &files).await, Err(Error::Profile { .. })), "{missing}");
        }
    }
}
