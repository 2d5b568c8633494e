//! What can go wrong with Jira.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};
use landfall_run::JournalError;

/// A transition that Jira offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, escaped.
    pub name: String,
    /// The status that it leads to, escaped.
    pub to: String,
}

/// What went wrong. Texts of the server are escaped and cut.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is not usable.
    #[error("`{shown}` is not a usable {what}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// What was given, escaped.
        shown: String,
    },
    /// Jira could not be asked, or its answer not be read.
    #[error("cannot {doing}")]
    Http {
        /// What was attempted.
        doing: String,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// 401.
    #[error("{origin} does not accept the credential (401) to {doing}")]
    Unauthorized {
        /// The site.
        origin: String,
        /// What was attempted.
        doing: String,
    },
    /// 403.
    #[error("the account may not {doing} (403): {said}")]
    Forbidden {
        /// What was attempted.
        doing: String,
        /// What Jira said.
        said: String,
    },
    /// 404: Jira says this also of what the account may not see.
    #[error("cannot {doing}: there is none, or the account may not see it (404): {said}")]
    NotFound {
        /// What was attempted.
        doing: String,
        /// What Jira said.
        said: String,
    },
    /// 429 until the attempts were used up.
    #[error("Jira has had too many requests (429) to {doing}")]
    Throttled {
        /// What was attempted.
        doing: String,
    },
    /// 5xx, or another passing status, until the attempts were used up.
    #[error("Jira is not able to {doing} now ({status})")]
    Down {
        /// What was attempted.
        doing: String,
        /// The status.
        status: u16,
    },
    /// 400, 409, 413, 422 and all other statuses.
    #[error("Jira refuses to {doing} ({status}): {said}")]
    Refused {
        /// What was attempted.
        doing: String,
        /// The status.
        status: u16,
        /// Its texts, those about fields as `field: text`.
        said: String,
    },
    /// An answer without what the API's page promises.
    #[error("the answer of Jira to {doing} lacks {what}")]
    Lacking {
        /// What was attempted.
        doing: String,
        /// What is not there.
        what: &'static str,
    },
    /// A create got no answer, and no ticket was found for it.
    #[error("whether the ticket with label {label} was made is not known")]
    LostCreate {
        /// The label it would have.
        label: String,
        /// How the create ended.
        #[source]
        cause: Box<Error>,
    },
    /// No way leads from the present status to the wanted one.
    #[error("{ticket} is {from} and cannot become {target}; its transitions are {}", listed(.transitions))]
    NoWay {
        /// The ticket.
        ticket: String,
        /// Its status.
        from: String,
        /// The wanted status.
        target: String,
        /// What Jira offers.
        transitions: Vec<Listed>,
    },
    /// The transition's screen requires fields that only a person can fill.
    #[error("the transition {transition} of {ticket} requires {}", fields.join(", "))]
    NeedsFields {
        /// The ticket.
        ticket: String,
        /// The transition.
        transition: String,
        /// The fields.
        fields: Vec<String>,
    },
    /// A transition was taken and the status is still what it was.
    #[error("{ticket} is still {status} after its transition {transition}")]
    Unmoved {
        /// The ticket.
        ticket: String,
        /// Its status.
        status: String,
        /// The transition.
        transition: String,
    },
    /// The marks around our section are not as we left them.
    #[error("the marks of the instructions in {place} of {ticket} are damaged: {what}")]
    Marks {
        /// The ticket.
        ticket: String,
        /// The field.
        place: String,
        /// What is wrong with them.
        what: &'static str,
    },
    /// The field for instructions is not one that takes them.
    #[error("the field `{field}` cannot take instructions: {what}")]
    Field {
        /// The field as configured, escaped.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// A write was made and reading back does not show it.
    #[error("{ticket} does not show what was written to its {place}")]
    NotShown {
        /// The ticket.
        ticket: String,
        /// The field or list.
        place: String,
    },
    /// The effect may not be made, or could not be recorded.
    #[error("the journal does not allow to {doing}")]
    Journal {
        /// What was to be done.
        doing: String,
        /// Why not.
        #[source]
        cause: JournalError,
    },
    /// The run was asked to stop.
    #[error("stopped before {doing}")]
    Stopped {
        /// What was next.
        doing: String,
    },
}

fn listed(transitions: &[Listed]) -> String {
    if transitions.is_empty() {
        return "none that this account may take".to_owned();
    }
    let shown: Vec<String> = transitions.iter().map(|one| format!("{} -> {}", one.name, one.to)).collect();
    shown.join(", ")
}

impl Error {
    /// Whether the same call may simply be made again.
    pub fn is_retryable(&self) -> bool {
        match self.class() {
            Class::Transient => true,
            Class::Defect
            | Class::Input
            | Class::Refused
            | Class::Locked
            | Class::Partial
            | Class::Integrity
            | Class::Unknown
            | Class::Interrupted => false,
        }
    }

    /// Whether a write that ended so may have been made.
    pub(crate) fn leaves_unknown(&self) -> bool {
        match self {
            Self::Http { cause, .. } => match cause.as_ref() {
                landfall_transport::Error::Unanswered { .. }
                | landfall_transport::Error::Stalled { .. }
                | landfall_transport::Error::TooLarge { .. }
                | landfall_transport::Error::NotAsAsked { .. }
                | landfall_transport::Error::Stopped { .. } => true,
                landfall_transport::Error::Address { .. }
                | landfall_transport::Error::Path { .. }
                | landfall_transport::Error::ForeignCredential { .. }
                | landfall_transport::Error::PlainHttp { .. }
                | landfall_transport::Error::LinkLocal { .. }
                | landfall_transport::Error::ForeignHop { .. }
                | landfall_transport::Error::Header { .. }
                | landfall_transport::Error::Encode { .. }
                | landfall_transport::Error::Connect { .. }
                | landfall_transport::Error::Untrusted { .. }
                | landfall_transport::Error::Certificates { .. }
                | landfall_transport::Error::NoCertificates { .. }
                | landfall_transport::Error::Tls { .. }
                | landfall_transport::Error::Proxy { .. } => false,
            },
            Self::Down { .. } | Self::Lacking { .. } | Self::LostCreate { .. } => true,
            Self::Setting { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::NoWay { .. }
            | Self::NeedsFields { .. }
            | Self::Unmoved { .. }
            | Self::Marks { .. }
            | Self::Field { .. }
            | Self::NotShown { .. }
            | Self::Journal { .. }
            | Self::Stopped { .. } => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "LF-JIRA-SETTING",
            Self::Http { .. } => "LF-JIRA-HTTP",
            Self::Unauthorized { .. } => "LF-JIRA-AUTH",
            Self::Forbidden { .. } => "LF-JIRA-FORBIDDEN",
            Self::NotFound { .. } => "LF-JIRA-NOT-FOUND",
            Self::Throttled { .. } => "LF-JIRA-THROTTLED",
            Self::Down { .. } => "LF-JIRA-DOWN",
            Self::Refused { .. } => "LF-JIRA-REFUSED",
            Self::Lacking { .. } => "LF-JIRA-ANSWER",
            Self::LostCreate { .. } => "LF-JIRA-LOST-CREATE",
            Self::NoWay { .. } => "LF-JIRA-TRANSITION",
            Self::NeedsFields { .. } => "LF-JIRA-TRANSITION-FIELDS",
            Self::Unmoved { .. } => "LF-JIRA-UNMOVED",
            Self::Marks { .. } => "LF-JIRA-MARKS",
            Self::Field { .. } => "LF-JIRA-FIELD",
            Self::NotShown { .. } => "LF-JIRA-NOT-SHOWN",
            Self::Journal { cause, .. } => cause.code(),
            Self::Stopped { .. } => "LF-STOPPED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Setting { .. } | Self::Field { .. } => Class::Input,
            Self::Http { cause, .. } => cause.class(),
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::NoWay { .. }
            | Self::NeedsFields { .. }
            | Self::Marks { .. } => Class::Refused,
            Self::Throttled { .. } | Self::Down { .. } | Self::Lacking { .. } => Class::Transient,
            Self::LostCreate { .. } | Self::Unmoved { .. } | Self::NotShown { .. } => Class::Unknown,
            Self::Journal { cause, .. } => cause.class(),
            Self::Stopped { .. } => Class::Interrupted,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Setting { what, .. } => Some(format!("correct the {what} in [jira] of landfall.toml").into()),
            Self::Http { cause, .. } => cause.remedy(),
            Self::Unauthorized { origin, .. } => Some(
                format!("make a new API token for the account, check JIRA_USER and JIRA_TOKEN, and that {origin} is the right site")
                    .into(),
            ),
            Self::Forbidden { .. } => {
                Some("give the account the permission in the project's permission scheme".into())
            }
            Self::NotFound { .. } => Some(
                "check project key, issue type and ticket, and that the account has Browse Projects there".into(),
            ),
            Self::Throttled { .. } => Some("run again in a few minutes, with fewer jobs at once".into()),
            Self::Down { .. } => Some("look at status.atlassian.com and run again; the deployment is not affected".into()),
            Self::Refused { .. } => {
                Some("mend what Jira names; a field that it wants or does not know is set on the project's screens".into())
            }
            Self::Lacking { .. } => {
                Some("something between here and Jira may answer in its place; check the address and run again".into())
            }
            Self::LostCreate { label, .. } => {
                Some(format!("search Jira for labels = \"{label}\" and run again: a ticket with that label is taken").into())
            }
            Self::NoWay { .. } => Some(
                "set the names in [jira] status to those of the workflow, move the ticket by hand, or give the account Transition Issues"
                    .into(),
            ),
            Self::NeedsFields { .. } => {
                Some("take this transition by hand, or make those fields optional on its screen".into())
            }
            Self::Unmoved { .. } | Self::NotShown { .. } => {
                Some("look at the ticket: an automation or another person may have changed it; then run again".into())
            }
            Self::Marks { ticket, .. } => Some(
                format!("in {ticket} delete what is left of the lines that begin and end Landfall's section, then run again")
                    .into(),
            ),
            Self::Field { .. } => {
                Some("name a field of the type Paragraph by id or name in [jira] instructions, or set it to \"section\"".into())
            }
            Self::Journal { cause, .. } => cause.remedy(),
            Self::Stopped { .. } => Some("run again: it does what is left".into()),
        }
    }
}
