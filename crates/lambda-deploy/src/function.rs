//! What a function runs and how it is, as GetFunction says it.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{self, FunctionConfiguration};
use landfall_artifacts::{AliasState, Digest, FunctionState, PinnedReference};

use crate::Archive;

/// A function as it was seen. Foreign texts are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Image or archive; it can never change.
    pub package: Package,
    /// `x86_64` or `arm64`; Lambda knows one a function.
    pub architectures: Vec<String>,
    /// The image as it was named at the last update.
    pub image_uri: Option<String>,
    /// The image that Lambda resolved it to: what runs.
    pub resolved: Option<PinnedReference>,
    /// Of an image the hex of its digest, of an archive the base64 of its SHA-256.
    pub code_sha256: Option<String>,
    /// `$LATEST`, or a number.
    pub version: Option<String>,
    /// Changes with every change of the function.
    pub revision_id: Option<String>,
    /// Whether it can be invoked.
    pub state: State,
    /// Lambda's code and text for the state, where it gives them.
    pub state_reason: Option<(String, String)>,
    /// How its last update went.
    pub last_update: LastUpdate,
    /// Lambda's code and text for the last update, where it gives them.
    pub update_reason: Option<(String, String)>,
}

/// How a function's code is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Package {
    /// A container image.
    Image,
    /// An archive.
    Zip,
    /// Something newer than this program.
    Other(String),
}

/// Whether a function can be invoked (Lambda developer guide, "Lambda function states").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It can.
    Active,
    /// It was idle so long that Lambda took its resources back; it can be updated, and wakes at the next call.
    Inactive,
    /// It is being created, or woken.
    Pending,
    /// It cannot.
    Failed,
    /// Any other state, such as `Deleting`.
    Other(String),
}

/// How the last update went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastUpdate {
    /// It runs.
    Successful,
    /// It goes on; calls run the code from before.
    InProgress,
    /// It was given up; calls run the code from before.
    Failed,
    /// Something newer than this program.
    Other(String),
}

impl Function {
    pub(crate) fn of(answer: &GetFunctionOutput) -> Option<Self> {
        let configuration = answer.configuration()?;
        let code = answer.code();
        let uri = |text: Option<&str>| text.map(|text| landfall_secret::escape(text, 500));
        Some(Self {
            image_uri: uri(code.and_then(|code| code.image_uri())),
            resolved: code.and_then(|code| code.resolved_image_uri()).and_then(|uri| uri.parse().ok()),
            ..Self::configured(configuration)
        })
    }

    /// What the configuration alone says: everything but the image.
    pub(crate) fn configured(configuration: &FunctionConfiguration) -> Self {
        let text = |text: &str| landfall_secret::escape(text, 200);
        let reason = |code: Option<&str>, said: Option<&str>| {
            (code.is_some() || said.is_some()).then(|| {
                (text(code.unwrap_or("unknown")), landfall_secret::escape(said.unwrap_or_default(), 500))
            })
        };
        Self {
            package: match configuration.package_type().map(types::PackageType::as_str) {
                Some("Image") => Package::Image,
                Some("Zip") | None => Package::Zip,
                Some(other) => Package::Other(text(other)),
            },
            architectures: match configuration.architectures() {
                [] => vec!["x86_64".to_owned()],
                some => some.iter().take(4).map(|one| text(one.as_str())).collect(),
            },
            image_uri: None,
            resolved: None,
            code_sha256: configuration.code_sha256().map(text),
            version: configuration.version().map(text),
            revision_id: configuration.revision_id().map(text),
            state: match configuration.state().map(types::State::as_str) {
                Some("Active") => State::Active,
                Some("Inactive") => State::Inactive,
                Some("Pending") => State::Pending,
                Some("Failed") => State::Failed,
                Some(other) => State::Other(text(other)),
                None => State::Other("no state".to_owned()),
            },
            state_reason: reason(
                configuration.state_reason_code().map(types::StateReasonCode::as_str),
                configuration.state_reason(),
            ),
            last_update: match configuration.last_update_status().map(types::LastUpdateStatus::as_str) {
                Some("Successful") => LastUpdate::Successful,
                Some("InProgress") => LastUpdate::InProgress,
                Some("Failed") => LastUpdate::Failed,
                Some(other) => LastUpdate::Other(text(other)),
                None => LastUpdate::Other("no status".to_owned()),
            },
            update_reason: reason(
                configuration.last_update_status_reason_code().map(types::LastUpdateStatusReasonCode::as_str),
                configuration.last_update_status_reason(),
            ),
        }
    }

    /// The digest of what is said to run: of an image what Lambda resolved, else `CodeSha256` where it is a digest.
    ///
    /// While an update goes on this may be the one on its way.
    pub fn digest(&self) -> Option<Digest> {
        if let Some(resolved) = &self.resolved {
            return Some(resolved.digest());
        }
        let code = self.code_sha256.as_deref()?;
        match self.package {
            Package::Image => format!("sha256:{code}").parse().ok(),
            Package::Zip => Archive::digest_of(code),
            Package::Other(_) => None,
        }
    }

    /// Whether nothing is under way: the last update is over, well or not, and the function is not being made.
    pub fn is_settled(&self) -> bool {
        let updated = match self.last_update {
            LastUpdate::Successful | LastUpdate::Failed => true,
            LastUpdate::InProgress | LastUpdate::Other(_) => false,
        };
        updated && matches!(self.state, State::Active | State::Inactive | State::Failed)
    }

    /// Whether its state or the status of its last update is none that this program knows.
    pub(crate) fn is_strange(&self) -> bool {
        matches!(self.last_update, LastUpdate::Other(_)) || matches!(self.state, State::Other(_))
    }

    /// Whether it runs this digest, settled and well. An idle function counts: it wakes with that code.
    pub fn runs(&self, digest: Digest) -> bool {
        self.last_update == LastUpdate::Successful
            && matches!(self.state, State::Active | State::Inactive)
            && self.digest() == Some(digest)
    }

    /// The image that runs, by digest; `None` for an archive, and where Lambda does not say it.
    pub fn image(&self) -> Option<PinnedReference> {
        if self.resolved.is_some() || self.package != Package::Image {
            return self.resolved.clone();
        }
        let uri = self.image_uri.as_deref()?;
        let repository = match uri.split_once('@') {
            Some((repository, _)) => repository,
            None => {
                uri.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(uri, |(before, _)| before)
            }
        };
        format!("{repository}@{}", self.digest()?).parse().ok()
    }

    /// The part of it that goes into a deployment report, with the alias that callers use.
    pub(crate) fn reported(&self, version: Option<&str>, alias: Option<AliasState>) -> FunctionState {
        FunctionState {
            code_sha256: self.code_sha256.clone(),
            image: self.image(),
            version: version.map(str::to_owned),
            alias,
            revision_id: self.revision_id.clone(),
        }
    }
}
