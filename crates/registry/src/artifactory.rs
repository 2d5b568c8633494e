//! Promotion in Artifactory: the same digest under another repository key.
//!
//! Source: JFrog REST API, "Promote Docker Image". Left to itself it *moves*, takes *all* tags and overwrites silently; so
//! `copy`, `tag` and `targetTag` are always sent, the target is looked at first, and the result is read back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use landfall_artifacts::{
    Class, Digest, EnvironmentName, Explain as _, Problem, ProjectName, ReleaseId, Tag, Version,
};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Hint, Run};
use landfall_secret::{Credential, Origin, escape};
use landfall_transport::{Cap, Http, Site, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, Flavour, Login, Registry, RegistryOptions, Scheme, refusal};

/// How images are read in Artifactory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DockerAccess {
    /// By its API, `/artifactory/api/docker/<key>/v2/…`, which is always there.
    #[default]
    Api,
    /// By the repository path method, `/v2/<key>/…`, where the reverse proxy is set up for it.
    Path,
}

/// An Artifactory server and the login for it. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Artifactory {
    site: Site,
    http: Http,
    scheme: Scheme,
    host: String,
    base_path: String,
    login: Option<Login>,
    access: DockerAccess,
    registries: Arc<Mutex<BTreeMap<String, Registry>>>,
}

/// One image's promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoteRequest {
    /// The project, for the record.
    pub project: ProjectName,
    /// The repository key that it is in.
    pub source_key: String,
    /// The repository key that it is to be in.
    pub target_key: String,
    /// The image's path below the keys, such as `personalised-lobby/orderService`.
    pub docker_repository: String,
    /// Its tag.
    pub tag: Tag,
    /// Its tag at the target.
    pub target_tag: Tag,
    /// What was released; another digest at the source is refused.
    pub expected: Option<Digest>,
    /// Whether a tag at the target with other content may be replaced.
    pub overwrite: bool,
    /// The environment whose release it is, where one is named.
    pub environment: Option<EnvironmentName>,
    /// The release that it is part of, where known.
    pub release: Option<ReleaseId>,
}

/// What the two tags of a promotion name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromotionState {
    /// At the source.
    pub source: Option<Digest>,
    /// At the target.
    pub target: Option<Digest>,
}

/// A promotion that is done and was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// How it came about.
    pub how: PromotedHow,
    /// The HTTP status of the promotion's answer; `None` where none came or nothing was asked.
    pub status: Option<u16>,
    /// What Artifactory said, escaped.
    pub text: String,
    /// The digest, the same at source and target.
    pub digest: Digest,
}

/// How a promotion came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotedHow {
    /// It was done now.
    Promoted,
    /// The target named the same content already.
    Already,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    target_repo: &'a str,
    docker_repository: &'a str,
    tag: &'a str,
    target_tag: &'a str,
    copy: bool,
    overwrite: bool,
}

#[derive(Deserialize)]
struct SystemVersion {
    version: String,
}

impl Artifactory {
    /// A server at `url`, without `/artifactory` (with it, it is taken away). Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Transport`] where the address is not usable.
    pub fn new(http: &Http, url: &str, login: Option<Login>, access: DockerAccess) -> Result<Self, Error> {
        let failed = |cause| Error::transport("use the Artifactory server", cause);
        let trimmed = url.trim_end_matches('/');
        let base = trimmed.strip_suffix("/artifactory").unwrap_or(trimmed);
        let bare = http.site("artifactory", base, None).map_err(failed)?;
        let origin = bare.origin().clone();
        let credential = login.as_ref().map(|login| Credential::new(origin.clone(), login.kind()));
        let site = http.site("artifactory", base, credential).map_err(failed)?;
        let base_path =
            Url::parse(base).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Ok(Self {
            site,
            http: http.clone(),
            scheme: if origin.is_tls() { Scheme::Https } else { Scheme::Http },
            host: host_of(&origin),
            base_path,
            login,
            access,
            registries: Arc::default(),
        })
    }

    /// The server's version, such as `7.117.1`.
    ///
    /// # Errors
    /// [`Error::ArtifactoryVersion`], [`Error::Transport`].
    pub async fn version(&self, run: &Run) -> Result<String, Error> {
        let failed = |cause| Error::transport("GET the version of Artifactory", cause);
        let answer =
            self.site.get("/artifactory/api/system/version").send(run, Cap::JSON).await.map_err(failed)?;
        let said = || refusal::read(&answer, run).said;
        if answer.status() != StatusCode::OK {
            return Err(Error::ArtifactoryVersion { status: answer.status().as_u16(), said: said() });
        }
        let found: SystemVersion = answer.json().map_err(failed)?;
        Ok(escape(&found.version, 60))
    }

    /// The digest that a tag of an image names below a repository key; `None` where there is none, or none may be seen.
    ///
    /// # Errors
    /// What a registry may answer.
    pub async fn digest(
        &self,
        key: &str,
        image: &str,
        tag: &Tag,
        run: &Run,
    ) -> Result<Option<Digest>, Error> {
        let (registry, path) = self.registry(key, image)?;
        registry.observe_tag(&path, tag, run).await
    }

    /// What both tags of a promotion name, for a plan.
    ///
    /// # Errors
    /// What a registry may answer.
    pub async fn observe(&self, request: &PromoteRequest, run: &Run) -> Result<PromotionState, Error> {
        let (registry, path) = self.registry(&request.source_key, &request.docker_repository)?;
        let source = registry.head_manifest(&path, &Version::Tag(request.tag.clone()), run).await?;
        Ok(PromotionState { source, target: self.target(request, run).await? })
    }

    /// Promotes an image and reads the target back. Where the target has the same content already nothing is asked for, so that
    /// repeating it is harmless; a promotion whose answer was lost is repeated only after the target was seen without it.
    ///
    /// # Errors
    /// [`Error::PromotionSource`], [`Error::PromotionContent`], [`Error::TagTaken`] before anything is changed;
    /// [`Error::PromotionRefused`], [`Error::TagDiffers`], [`Error::NotWritten`], [`Error::Unconfirmed`] after.
    pub async fn promote(&self, request: &PromoteRequest, run: &Run) -> Result<Promoted, Error> {
        let state = self.observe(request, run).await?;
        let what = format!("{}:{}", request.docker_repository, request.tag);
        let source_key = request.source_key.clone();
        let Some(wanted) = state.source else { return Err(Error::PromotionSource { what, source_key }) };
        if let Some(expected) = request.expected.filter(|expected| *expected != wanted) {
            return Err(Error::PromotionContent { what, source_key, expected, actual: wanted });
        }
        let target = request.target();
        match state.target {
            Some(held) if held == wanted => return Ok(Promoted::already(wanted)),
            Some(held) if !request.overwrite => return Err(Error::TagTaken { target, held, wanted }),
            Some(_) | None => {}
        }
        if run.stop().requested().is_some() {
            return Err(Error::Stopped { doing: format!("the promotion to {target}") });
        }
        let intent = run
            .journal()
            .intend(request.effect(wanted))
            .await
            .map_err(|cause| Error::Journal { target: target.clone(), cause })?;
        let ended = self.promote_confirmed(request, wanted, state.target, run).await;
        let outcome = match &ended {
            Ok(_) => EffectOutcome::Done,
            Err(error) => {
                let said = run.redactor().redact(&Problem::of(error).told());
                match error.class() {
                    Class::Unknown => EffectOutcome::Unknown(said),
                    _ => EffectOutcome::Failed(said),
                }
            }
        };
        if let Err(lost) = run.journal().outcome(intent, outcome).await {
            run.progress()
                .event(Event::Warning(format!("the outcome for {target} was not recorded: {lost}")));
        }
        ended
    }

    async fn promote_confirmed(
        &self,
        request: &PromoteRequest,
        wanted: Digest,
        before: Option<Digest>,
        run: &Run,
    ) -> Result<Promoted, Error> {
        let attempts = AtomicU32::new(0);
        let what = format!("promote {}", request.target());
        run.retry(&what, hint, || async {
            attempts.fetch_add(1, Ordering::SeqCst);
            self.promote_once(request, wanted, before, run).await
        })
        .await
    }

    async fn promote_once(
        &self,
        request: &PromoteRequest,
        wanted: Digest,
        before: Option<Digest>,
        run: &Run,
    ) -> Result<Promoted, Error> {
        let target = request.target();
        let body = Body {
            target_repo: &request.target_key,
            docker_repository: &request.docker_repository,
            tag: request.tag.as_str(),
            target_tag: request.target_tag.as_str(),
            copy: true,
            overwrite: true,
        };
        let path = format!("/artifactory/api/docker/{}/v2/promote", request.source_key);
        let (status, text, cause) = match self.site.post_json(&path, &body).send(run, Cap::JSON).await {
            Ok(answer) if answer.status().is_success() => {
                let text = answer.excerpt(400);
                (Some(answer.status().as_u16()), text, None)
            }
            Ok(answer) => {
                let status = answer.status().as_u16();
                let said = refusal::read(&answer, run).said;
                let what = format!("{} to {}", request.source(), target);
                let refused = Error::PromotionRefused { what, status, said: said.clone() };
                if !leaves_open(status) {
                    return Err(refused);
                }
                (Some(status), said, Some(refused))
            }
            Err(cause) => {
                let error = Error::transport(format!("POST the promotion of {target}"), cause);
                if !error.leaves_write_open() {
                    return Err(error);
                }
                (None, String::new(), Some(error))
            }
        };
        match (self.target(request, &run.to_its_end()).await, cause) {
            (Ok(Some(held)), _) if held == wanted => {
                Ok(Promoted { how: PromotedHow::Promoted, status, text, digest: wanted })
            }
            // What was there before is there still: the promotion did not happen.
            (Ok(held), Some(cause)) if held == before => match cause {
                Error::PromotionRefused { .. } => Err(cause),
                cause => Err(Error::NotWritten { target, cause: Box::new(cause) }),
            },
            (Ok(Some(held)), _) => Err(Error::TagDiffers { target, held, wanted }),
            (Ok(None), cause) => {
                let missing = Error::ImageMissing { reference: target.clone() };
                Err(Error::Unconfirmed { target, cause: Box::new(cause.unwrap_or(missing)) })
            }
            (Err(cause), _) => Err(Error::Unconfirmed { target, cause: Box::new(cause) }),
        }
    }

    /// What the target names. A target that may not be looked at counts as empty only where it may be overwritten.
    async fn target(&self, request: &PromoteRequest, run: &Run) -> Result<Option<Digest>, Error> {
        let (registry, path) = self.registry(&request.target_key, &request.docker_repository)?;
        if request.overwrite {
            return registry.observe_tag(&path, &request.target_tag, run).await;
        }
        registry.head_manifest(&path, &Version::Tag(request.target_tag.clone()), run).await
    }

    /// The registry that shows a key's images, and the image's path there.
    fn registry(&self, key: &str, image: &str) -> Result<(Registry, String), Error> {
        let (prefix, path) = match self.access {
            DockerAccess::Api => {
                (format!("{}/artifactory/api/docker/{key}", self.base_path), image.to_owned())
            }
            DockerAccess::Path => (self.base_path.clone(), format!("{key}/{image}")),
        };
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = registries.get(&prefix) {
            return Ok((known.clone(), path));
        }
        let options = RegistryOptions {
            flavour: Flavour::Artifactory,
            scheme: self.scheme,
            api_prefix: prefix.clone(),
            ..RegistryOptions::default()
        };
        let made = Registry::new(&self.http, &self.host, self.login.clone(), options)?;
        registries.insert(prefix, made.clone());
        Ok((made, path))
    }
}

impl PromoteRequest {
    fn source(&self) -> String {
        format!("{}/{}:{}", self.source_key, self.docker_repository, self.tag)
    }

    fn target(&self) -> String {
        format!("{}/{}:{}", self.target_key, self.docker_repository, self.target_tag)
    }

    fn effect(&self, digest: Digest) -> Effect {
        Effect {
            action: "promote".to_owned(),
            target: self.target(),
            environment: self.environment.as_ref().map(ToString::to_string),
            release: self.release.as_ref().map(ToString::to_string),
            items: vec![EffectItem {
                name: self.project.to_string(),
                version: Some(self.tag.to_string()),
                digest: Some(digest),
            }],
        }
    }
}

impl Promoted {
    fn already(digest: Digest) -> Self {
        let text = "the target has this content already".to_owned();
        Self { how: PromotedHow::Already, status: None, text, digest }
    }
}

/// Repeated is only what was read back as not done; what the request itself repeats (429) is not repeated here.
fn hint(error: &Error) -> Hint {
    match error {
        Error::NotWritten { .. } => Hint::Again,
        Error::PromotionRefused { status, .. } if leaves_open(*status) => error.hint(),
        _ => Hint::Stop,
    }
}

/// Whether it is not known from the status alone what was done: a proxy may have given up on a server that went on.
fn leaves_open(status: u16) -> bool {
    status >= 500 || status == 408 || status == 499
}

/// Whether promoting over an existing tag keeps layers that other tags share: from 7.117.1 on. `None` where the version is not
/// understood.
pub fn keeps_shared_layers(version: &str) -> Option<bool> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let (major, minor, patch) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((major, minor, patch) >= (7, 117, 1))
}

fn host_of(origin: &Origin) -> String {
    let default = if origin.is_tls() { 443 } else { 80 };
    if origin.port() == default {
        origin.host().to_owned()
    } else {
        format!("{}:{}", origin.host(), origin.port())
    }
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
