//! Artifactory's version, and what depends on it.

use landfall_run::Run;
use landfall_secret::escape;
use landfall_transport::{Cap, StatusCode};
use serde::Deserialize;

use super::Artifactory;
use crate::{Error, refusal};

#[derive(Deserialize)]
struct SystemVersion {
    version: String,
}

impl Artifactory {
    /// The server's version, such as `7.117.1` (JFrog REST API, "Version and Add-ons Information").
    ///
    /// # Errors
    /// [`Error::ArtifactoryVersion`], [`Error::Transport`].
    pub async fn version(&self, run: &Run) -> Result<String, Error> {
        let failed = |cause| Error::transport("GET the version of Artifactory", cause);
        let answer =
            self.site.get("/artifactory/api/system/version").send(run, Cap::JSON).await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            let said = refusal::read(&answer, run).said;
            return Err(Error::ArtifactoryVersion { status: answer.status().as_u16(), said });
        }
        let found: SystemVersion = answer.json().map_err(failed)?;
        Ok(escape(&run.redactor().redact(&found.version), 60))
    }
}

/// Whether promoting over an existing tag keeps layers that other tags of the image share: from 7.117.1 on (JFrog, "Promote
/// Docker Images"). `None` where the version is not understood.
pub fn keeps_shared_layers(version: &str) -> Option<bool> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let (major, minor, patch) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((major, minor, patch) >= (7, 117, 1))
}

#[cfg(test)]
mod tests {
    use super::keeps_shared_layers;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(keeps_shared_layers("7.117.1"), Some(true));
        assert_eq!(keeps_shared_layers("7.98.9"), Some(false));
        assert_eq!(keeps_shared_layers("10.0.0-m1"), Some(true));
        assert_eq!(keeps_shared_layers("7.x"), None);
    }
}
