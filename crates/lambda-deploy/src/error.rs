//! What can stand in the way of an update, or go wrong in it.

use std::borrow::Cow;
use std::time::Duration;

use landfall_artifacts::{AliasName, Class, Digest, Explain, LambdaName};
use landfall_aws::AwsFailure;

use crate::Code;
use crate::reason::{ImageTrouble, advice, image_trouble};

/// What stands in the way or went wrong, of one function.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such function.
    #[error("function {function} does not exist in {region}")]
    Missing {
        /// The function.
        function: LambdaName,
        /// The region.
        region: String,
    },
    /// The function could not be read.
    #[error("function {function} cannot be read")]
    Unread {
        /// The function.
        function: LambdaName,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// The functions of the account could not be listed.
    #[error("the functions in {region} cannot be listed")]
    Unlisted {
        /// The region.
        region: String,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// A page of the list leads to one that was there before.
    #[error("the list of the functions in {region} has no end")]
    Endless {
        /// The region.
        region: String,
    },
    /// The answer describes no function.
    #[error("the answer about {function} describes no function")]
    Unreadable {
        /// The function.
        function: LambdaName,
    },
    /// The function was not looked at.
    #[error("function {function} was not observed")]
    Unobserved {
        /// The function.
        function: LambdaName,
    },
    /// The function is wanted twice.
    #[error("function {function} is in the plan twice")]
    Twice {
        /// The function.
        function: LambdaName,
    },
    /// The function is packed otherwise than the code.
    #[error("function {function} is made from {package} and cannot run {wanted}")]
    PackageDiffers {
        /// The function.
        function: LambdaName,
        /// What it is made from.
        package: String,
        /// What it is to run.
        wanted: &'static str,
    },
    /// Image and function are for different processors.
    #[error("function {function} runs on {function_runs} and the image is for {image_is_for}")]
    Architecture {
        /// The function.
        function: LambdaName,
        /// The function's architecture.
        function_runs: String,
        /// The image's architecture.
        image_is_for: &'static str,
    },
    /// The image is not in an ECR that Lambda takes images from.
    #[error("function {function} cannot take an image from {host}")]
    Registry {
        /// The function.
        function: LambdaName,
        /// The registry's host.
        host: String,
    },
    /// The image is in another region than the function.
    #[error("function {function} is in {region} and the image in {image_region}")]
    Region {
        /// The function.
        function: LambdaName,
        /// The function's region.
        region: String,
        /// The image's region.
        image_region: String,
    },
    /// The function is in a state that an update does not mend.
    #[error("function {function} is {state} ({code}): {said}")]
    State {
        /// The function.
        function: LambdaName,
        /// Its state.
        state: String,
        /// Lambda's reason code.
        code: String,
        /// Lambda's reason.
        said: String,
    },
    /// The function is as nobody knows: waiting for what comes next makes no sense.
    #[error(
        "function {function} is in state {state} with its last update {update}, which this version does not know"
    )]
    Strange {
        /// The function.
        function: LambdaName,
        /// Its state, as Lambda says it.
        state: String,
        /// The status of its last update, as Lambda says it.
        update: String,
    },
    /// Lambda refused the update.
    #[error("function {function} was not updated to {code}")]
    Refused {
        /// The function.
        function: LambdaName,
        /// What it was to run.
        code: Box<Code>,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// Lambda failed at the update, and the function was read back as it was before.
    #[error("Lambda did not take the update of {function}")]
    NotTaken {
        /// The function.
        function: LambdaName,
        /// What came back at last.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// Lambda took the update and gave it up. The code from before runs on.
    #[error("the update of {function} failed ({code}): {said}")]
    UpdateFailed {
        /// The function.
        function: LambdaName,
        /// Lambda's reason code.
        code: String,
        /// Lambda's reason.
        said: String,
    },
    /// Somebody else changed the function since it was planned.
    #[error("function {function} was changed by somebody else since it was planned; it runs {found}")]
    Changed {
        /// The function.
        function: LambdaName,
        /// What it runs now.
        found: String,
    },
    /// Another update goes on and on.
    #[error("function {function} is busy with another update")]
    Busy {
        /// The function.
        function: LambdaName,
    },
    /// The update was sent, and whether it was made could not be read back.
    #[error("whether {function} was updated is not known")]
    Unconfirmed {
        /// The function.
        function: LambdaName,
        /// Why it is not known.
        #[source]
        failure: Box<Error>,
    },
    /// The update goes on after the time it was given.
    #[error("the update of {function} is not over after {} s", waited.as_secs())]
    Unsettled {
        /// The function.
        function: LambdaName,
        /// How long was waited.
        waited: Duration,
    },
    /// The run was asked to stop while the update went on.
    #[error("stopped while the update of {function} went on")]
    Stopped {
        /// The function.
        function: LambdaName,
    },
    /// The run was asked to stop before the image was sent (again).
    #[error("stopped before the image was sent to {function}")]
    NotSent {
        /// The function.
        function: LambdaName,
    },
    /// The function runs something else than was sent.
    #[error("function {function} runs {runs} after an update to {wanted}")]
    WrongDigest {
        /// The function.
        function: LambdaName,
        /// What was sent.
        wanted: Digest,
        /// What runs.
        runs: String,
    },
    /// A version was not published.
    #[error("no version of {function} was published")]
    NotPublished {
        /// The function.
        function: LambdaName,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// An alias could not be read.
    #[error("alias {alias} of {function} cannot be read")]
    AliasUnread {
        /// The function.
        function: LambdaName,
        /// The alias.
        alias: AliasName,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// An alias was not moved.
    #[error("alias {alias} of {function} was not moved")]
    AliasRefused {
        /// The function.
        function: LambdaName,
        /// The alias.
        alias: AliasName,
        /// What Lambda answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// Somebody else moved the alias.
    #[error("alias {alias} of {function} was changed by somebody else; it points to {found}")]
    AliasChanged {
        /// The function.
        function: LambdaName,
        /// The alias.
        alias: AliasName,
        /// Where it points now.
        found: String,
    },
    /// The alias may have been moved, and that could not be read back.
    #[error("whether alias {alias} of {function} was moved is not known")]
    AliasUnconfirmed {
        /// The function.
        function: LambdaName,
        /// The alias.
        alias: AliasName,
        /// Why it is not known.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// What ran before is not known, so it cannot be put back.
    #[error("what {function} ran before is not known")]
    NothingBefore {
        /// The function.
        function: LambdaName,
    },
    /// What ran before is in no known archive.
    #[error("what {function} ran before, {digest}, is not in the release store")]
    Gone {
        /// The function.
        function: LambdaName,
        /// What it ran.
        digest: Digest,
    },
}

impl Error {
    /// Whether running again can help without anything else being changed.
    pub fn is_retryable(&self) -> bool {
        match self.class() {
            Class::Transient | Class::Unknown | Class::Interrupted | Class::Partial => true,
            Class::Defect | Class::Input | Class::Refused | Class::Locked | Class::Integrity => false,
        }
    }

    /// Lambda's own reason code, where it gave one.
    pub fn reason_code(&self) -> Option<&str> {
        match self {
            Self::State { code, .. } | Self::UpdateFailed { code, .. } => Some(code),
            Self::Refused { failure, .. } | Self::Unread { failure, .. } | Self::NotTaken { failure, .. } => {
                failure.code.as_deref()
            }
            Self::NotPublished { failure, .. }
            | Self::AliasUnread { failure, .. }
            | Self::AliasRefused { failure, .. }
            | Self::AliasUnconfirmed { failure, .. }
            | Self::Unlisted { failure, .. } => failure.code.as_deref(),
            Self::Unconfirmed { failure, .. } => failure.reason_code(),
            Self::Missing { .. }
            | Self::Strange { .. }
            | Self::Endless { .. }
            | Self::Unreadable { .. }
            | Self::Unobserved { .. }
            | Self::Twice { .. }
            | Self::PackageDiffers { .. }
            | Self::AliasChanged { .. }
            | Self::NothingBefore { .. }
            | Self::Gone { .. }
            | Self::Architecture { .. }
            | Self::Registry { .. }
            | Self::Region { .. }
            | Self::Changed { .. }
            | Self::Busy { .. }
            | Self::Unsettled { .. }
            | Self::Stopped { .. }
            | Self::NotSent { .. }
            | Self::WrongDigest { .. } => None,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "LF-LAMBDA-MISSING",
            Self::Unread { failure, .. } | Self::Unlisted { failure, .. } => failure.code(),
            Self::Unreadable { .. } | Self::Endless { .. } => "LF-LAMBDA-ANSWER",
            Self::Unobserved { .. } => "LF-LAMBDA-UNOBSERVED",
            Self::Twice { .. } => "LF-LAMBDA-TWICE",
            Self::PackageDiffers { .. } => "LF-LAMBDA-PACKAGE",
            Self::NotPublished { failure, .. }
            | Self::AliasUnread { failure, .. }
            | Self::AliasRefused { failure, .. } => failure.code(),
            Self::AliasChanged { .. } => "LF-LAMBDA-ALIAS-CHANGED",
            Self::AliasUnconfirmed { .. } => "LF-LAMBDA-ALIAS-UNCONFIRMED",
            Self::NothingBefore { .. } => "LF-LAMBDA-NOTHING-BEFORE",
            Self::Gone { .. } => "LF-LAMBDA-GONE",
            Self::Architecture { .. } => "LF-LAMBDA-ARCHITECTURE",
            Self::Registry { .. } => "LF-LAMBDA-REGISTRY",
            Self::Region { .. } => "LF-LAMBDA-REGION",
            Self::State { .. } | Self::Strange { .. } => "LF-LAMBDA-STATE",
            Self::Refused { failure, .. } if failure.is_code("InvalidParameterValueException") => {
                "LF-LAMBDA-IMAGE"
            }
            Self::Refused { failure, .. } => failure.code(),
            Self::NotTaken { .. } => "LF-LAMBDA-NOT-TAKEN",
            Self::UpdateFailed { .. } => "LF-LAMBDA-FAILED",
            Self::Changed { .. } => "LF-LAMBDA-CHANGED",
            Self::Busy { .. } => "LF-LAMBDA-BUSY",
            Self::Unconfirmed { .. } => "LF-LAMBDA-UNCONFIRMED",
            Self::Unsettled { .. } => "LF-LAMBDA-UNSETTLED",
            Self::Stopped { .. } => "LF-LAMBDA-STOPPED",
            Self::NotSent { .. } => "LF-STOPPED",
            Self::WrongDigest { .. } => "LF-LAMBDA-DIGEST",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Unread { failure, .. }
            | Self::Unlisted { failure, .. }
            | Self::Refused { failure, .. }
            | Self::NotPublished { failure, .. }
            | Self::AliasUnread { failure, .. }
            | Self::AliasRefused { failure, .. } => failure.class(),
            Self::Twice { .. } => Class::Input,
            Self::Missing { .. }
            | Self::PackageDiffers { .. }
            | Self::AliasChanged { .. }
            | Self::NothingBefore { .. }
            | Self::Gone { .. }
            | Self::Architecture { .. }
            | Self::Registry { .. }
            | Self::Region { .. }
            | Self::State { .. }
            | Self::Strange { .. }
            | Self::UpdateFailed { .. }
            | Self::Changed { .. } => Class::Refused,
            Self::Unobserved { .. } => Class::Defect,
            Self::Unreadable { .. } | Self::Endless { .. } | Self::NotTaken { .. } | Self::Busy { .. } => {
                Class::Transient
            }
            Self::Unconfirmed { .. }
            | Self::AliasUnconfirmed { .. }
            | Self::Unsettled { .. }
            | Self::Stopped { .. } => Class::Unknown,
            Self::NotSent { .. } => Class::Interrupted,
            Self::WrongDigest { .. } => Class::Integrity,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Missing { region, .. } => Some(
                format!("check the name in .deployment, AWS_REGION ({region}) and the account; a new function is made by whoever keeps the infrastructure")
                    .into(),
            ),
            Self::Unread { failure, .. } | Self::Unlisted { failure, .. } => failure.remedy(),
            Self::Unreadable { .. } | Self::Endless { .. } => Some("look at who answers at Lambda's endpoint, then run again".into()),
            Self::Unobserved { .. } => None,
            Self::Twice { .. } => Some("give each function to one project: look for it in the .deployment files".into()),
            Self::PackageDiffers { wanted, .. } => {
                Some(format!("a function's package type cannot change: make a new function for {wanted}, or deploy what this one can run").into())
            }
            Self::NotPublished { failure, .. }
            | Self::AliasUnread { failure, .. }
            | Self::AliasRefused { failure, .. } => failure.remedy(),
            Self::AliasChanged { .. } => {
                Some("find out who moves the alias beside this pipeline, then run again: it plans anew".into())
            }
            Self::NothingBefore { .. } => Some("deploy a named release instead".into()),
            Self::Gone { .. } => {
                Some("give the bucket of the release that has it, or deploy a named release instead".into())
            }
            Self::Architecture { image_is_for, .. } => Some(
                format!("build the image for the function's architecture, or set the function to {image_is_for}").into(),
            ),
            Self::Registry { .. } => {
                Some("copy the image to ECR in the function's region (not its FIPS endpoint), and deploy it from there".into())
            }
            Self::Region { region, .. } => Some(format!("copy the image to ECR in {region}, or correct AWS_REGION").into()),
            Self::Strange { .. } => {
                Some("look at the function in the AWS console; a newer version of this program may know what it means".into())
            }
            Self::State { code, .. } | Self::UpdateFailed { code, .. } => advice(code).map(Cow::from),
            Self::Refused { failure, .. } if failure.is_code("InvalidParameterValueException") => {
                match image_trouble(&failure.message) {
                    ImageTrouble::Missing => Some("copy the image to ECR first (retag-push-ecr), then run again".into()),
                    ImageTrouble::MediaType => {
                        Some("Lambda runs images of one platform: build without an index and without attestations (--provenance=false)".into())
                    }
                    ImageTrouble::Access => advice("ImageAccessDenied").map(Cow::from),
                    ImageTrouble::Architecture => Some("build the image for the function's architecture".into()),
                    ImageTrouble::Other => None,
                }
            }
            Self::Refused { failure, .. } => failure.remedy(),
            Self::NotTaken { .. } => Some("run again; where it stays, look at AWS's health page".into()),
            Self::Changed { .. } => Some("find out who deploys beside this pipeline, then run again: it plans anew".into()),
            Self::Busy { .. } => Some("run again when the other update is over".into()),
            Self::Unconfirmed { .. } | Self::AliasUnconfirmed { .. } | Self::Stopped { .. } => {
                Some("run again: it reads back what runs and does what is left".into())
            }
            Self::NotSent { .. } => Some("run again: it does what is left".into()),
            Self::Unsettled { .. } => Some("run again, which goes on waiting, or raise settle_timeout".into()),
            Self::WrongDigest { .. } => {
                Some("do not run again blindly: find out who changed the function, or why Lambda resolved another image".into())
            }
        }
    }
}
