//! What can go wrong with Jira.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};
use landfall_run::JournalError;

use crate::NeededField;

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
    #[error("Jira has had too many requests (429) to {doing}{}", because(.reason.as_deref()))]
    Throttled {
        /// What was attempted.
        doing: String,
        /// Which limit, in Jira's word (`RateLimit-Reason`), where it says so.
        reason: Option<String>,
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
    /// A write got no answer, and reading back was not possible.
    #[error("whether it came about to {doing} is not known")]
    LostWrite {
        /// What was attempted.
        doing: String,
        /// How it ended.
        #[source]
        cause: Box<Error>,
    },
    /// The project has no such issue type, or the account may not create issues of it.
    #[error("{project} has no issue type `{wanted}`; it has {}", offered.join(", "))]
    NoIssueType {
        /// The project.
        project: String,
        /// What was configured, escaped.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The create screen requires what nothing gives, or does not take what `landfall.toml` gives. All of it.
    #[error("a {issue_type} of {project} cannot be made: {}", unfit(.missing, .odd))]
    CreateFields {
        /// The project.
        project: String,
        /// The issue type, escaped.
        issue_type: String,
        /// Fields that it requires.
        missing: Vec<NeededField>,
        /// What does not fit.
        odd: Vec<String>,
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
    /// The transition's screen requires what nothing gives, or does not take what `landfall.toml` gives. All of it.
    #[error("the transition {transition} of {ticket} {}", unfit_screen(.fields, .odd))]
    NeedsFields {
        /// The ticket.
        ticket: String,
        /// The transition.
        transition: String,
        /// The step, or status, that it leads to.
        to: String,
        /// Fields that it requires.
        fields: Vec<NeededField>,
        /// What does not fit.
        odd: Vec<String>,
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

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(", because of {reason}")).unwrap_or_default()
}

fn names(fields: &[NeededField]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.join(", ")
}

fn unfit(missing: &[NeededField], odd: &[String]) -> String {
    let needs = (!missing.is_empty()).then(|| format!("it needs {}", names(missing)));
    needs.into_iter().chain(odd.iter().cloned()).collect::<Vec<_>>().join("; ")
}

fn unfit_screen(missing: &[NeededField], odd: &[String]) -> String {
    let needs = (!missing.is_empty()).then(|| format!("requires {}", names(missing)));
    let odd = odd.iter().map(|what| format!("does not fit: {what}"));
    needs.into_iter().chain(odd).collect::<Vec<_>>().join("; ")
}

/// The lines of `landfall.toml` that give fields their values.
fn settings(fields: &[NeededField]) -> String {
    let lines: Vec<String> = fields.iter().map(NeededField::setting).collect();
    lines.join("; ")
}

/// What to do before running again, where Jira refuses to tell how a write ended.
fn first(cause: &Error, again: &str) -> String {
    let passes = matches!(cause.class(), Class::Transient | Class::Interrupted);
    match cause.remedy().filter(|_| !passes) {
        Some(remedy) => format!("{remedy}; then {again}"),
        None => again.to_owned(),
    }
}

impl Error {
    /// Whether something was sent whose end is not known. Running again finds out, so where only Jira or the network failed this
    /// is a passing fault.
    pub fn may_have_written(&self) -> bool {
        matches!(self, Self::LostCreate { .. } | Self::LostWrite { .. })
    }

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
            Self::Down { .. } | Self::Lacking { .. } | Self::LostCreate { .. } | Self::LostWrite { .. } => {
                true
            }
            Self::Setting { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::NoIssueType { .. }
            | Self::CreateFields { .. }
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
            Self::LostWrite { .. } => "LF-JIRA-LOST-WRITE",
            Self::NoIssueType { .. } => "LF-JIRA-ISSUE-TYPE",
            Self::CreateFields { .. } => "LF-JIRA-FIELDS",
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
            Self::Setting { .. }
            | Self::Field { .. }
            | Self::NoIssueType { .. }
            | Self::CreateFields { .. } => Class::Input,
            Self::Http { cause, .. } => match cause.class() {
                // Every write of this crate is found again by the next run: by its label, its property, or the status.
                Class::Unknown => Class::Transient,
                class => class,
            },
            // Running again finds out, unless Jira refuses to tell: that does not pass, and what was sent is not known meanwhile.
            Self::LostCreate { cause, .. } | Self::LostWrite { cause, .. } => match cause.class() {
                class @ (Class::Transient | Class::Interrupted) => class,
                _ => Class::Unknown,
            },
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::NoWay { .. }
            | Self::NeedsFields { .. }
            | Self::Marks { .. } => Class::Refused,
            Self::Throttled { .. } | Self::Down { .. } | Self::Lacking { .. } => Class::Transient,
            Self::Unmoved { .. } | Self::NotShown { .. } => Class::Unknown,
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
            Self::LostWrite { cause, .. } => {
                Some(first(cause, "run again: what is there is found and not made a second time").into())
            }
            Self::NoIssueType { .. } => Some(
                "name the type in [jira] issue_type or JIRA_ISSUE_TYPE, and give the account Create Issues in the project".into(),
            ),
            Self::CreateFields { missing, .. } if missing.is_empty() => {
                Some("correct [jira] of landfall.toml, or put the field on the project's create screen".into())
            }
            Self::CreateFields { missing, .. } => {
                Some(format!("set them under [jira.fields] of landfall.toml: {}", settings(missing)).into())
            }
            Self::Throttled { .. } => Some("run again in a few minutes, with fewer jobs at once".into()),
            Self::Down { .. } => Some("look at status.atlassian.com and run again; the deployment is not affected".into()),
            Self::Refused { status: 413, .. } => {
                Some("the ticket holds as much as Jira lets one hold: take comments off it, or use another".into())
            }
            Self::Refused { .. } => {
                Some("mend what Jira names; a field that it wants or does not know is set on the project's screens".into())
            }
            Self::Lacking { .. } => {
                Some("something between here and Jira may answer in its place; check the address and run again".into())
            }
            Self::LostCreate { label, cause } => {
                let again = format!("run again: a ticket with the label {label} is taken where there is one");
                Some(first(cause, &again).into())
            }
            Self::NoWay { .. } => Some(
                "set the names in [jira] status to those of the workflow, move the ticket by hand, or give the account Transition Issues"
                    .into(),
            ),
            Self::NeedsFields { fields, to, .. } => {
                let (resolution, others): (Vec<_>, Vec<_>) =
                    fields.iter().cloned().partition(|field| field.id == "resolution");
                let resolution = resolution.iter().map(|field| {
                    let (first, all) = (field.allowed.first().map_or("...", String::as_str), field.allowed.join(", "));
                    format!("set jira.resolution.{to} = \"{first}\" in landfall.toml (one of {all})")
                });
                let others = (!others.is_empty())
                    .then(|| format!("set under [jira.screens.{to}] of landfall.toml: {}", settings(&others)));
                let mut all: Vec<String> = resolution.chain(others).collect();
                if all.is_empty() {
                    all.push(format!("correct jira.resolution.{to} or [jira.screens.{to}] of landfall.toml"));
                }
                Some(format!("{}; or take this transition by hand", all.join("; ")).into())
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
