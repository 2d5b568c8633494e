//! What a chain of sources says about one host, step by step and without a value.

use std::fmt;

use landfall_run::rfc3339;
use time::OffsetDateTime;

/// What one source has for a host. Keys and names are escaped; there is no value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finds {
    /// The source is not there.
    NoSource,
    /// The source is there and cannot be read.
    Unreadable,
    /// The source has nothing for the host.
    Nothing,
    /// A user and a password.
    Password {
        /// The key below `auths`.
        key: String,
        /// When it ends, where it is ECR's and says so.
        ends_at: Option<OffsetDateTime>,
    },
    /// An identity token.
    IdentityToken {
        /// The key below `auths`.
        key: String,
    },
    /// A credential helper, which may know the host or not.
    Helper {
        /// Its name.
        name: String,
        /// The key below `credHelpers`; `None` where it is the `credsStore` of all hosts.
        key: Option<String>,
    },
    /// A login that ECR gives for AWS keys.
    EcrToken,
}

/// What becomes of what a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to become of.
    Nothing,
    /// It is the login.
    Used,
    /// It is asked, and is the login where it knows the host.
    Asked,
    /// It is the login where none of those that are asked before knows the host.
    Otherwise,
    /// A source before it decides.
    Shadowed,
    /// Its time is over, and a new one can be fetched.
    PassedOver,
    /// It cannot be read, and it may be what decides: a stage stops here.
    InTheWay,
}

/// One source and what it has for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginStep {
    /// The source's name.
    pub source: String,
    /// What it has.
    pub finds: Finds,
    /// What becomes of it.
    pub verdict: Verdict,
}

impl Finds {
    /// The kind in one word, for reports: `password`, `identity-token`, `helper`, `ecr-token`; `no-entry`, `not-there` and
    /// `unreadable` where there is no login.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoSource => "not-there",
            Self::Unreadable => "unreadable",
            Self::Nothing => "no-entry",
            Self::Password { .. } => "password",
            Self::IdentityToken { .. } => "identity-token",
            Self::Helper { .. } => "helper",
            Self::EcrToken => "ecr-token",
        }
    }

    /// The entry that it stands under, such as `auths/art.example.com`.
    pub fn entry(&self) -> Option<String> {
        match self {
            Self::NoSource | Self::Unreadable | Self::Nothing | Self::EcrToken => None,
            Self::Password { key, .. } | Self::IdentityToken { key } => Some(format!("auths/{key}")),
            Self::Helper { key: Some(key), .. } => Some(format!("credHelpers/{key}")),
            Self::Helper { key: None, .. } => Some("credsStore".to_owned()),
        }
    }
}

impl Verdict {
    /// The verdict in one word, for reports: `used`, `asked`, `otherwise`, `shadowed`, `over`, `in-the-way`, `none`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Used => "used",
            Self::Asked => "asked",
            Self::Otherwise => "otherwise",
            Self::Shadowed => "shadowed",
            Self::PassedOver => "over",
            Self::InTheWay => "in-the-way",
        }
    }
}

impl fmt::Display for Finds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource => f.write_str("not there"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::Nothing => f.write_str("no entry"),
            Self::Password { ends_at: None, .. } => f.write_str("password"),
            Self::Password { ends_at: Some(at), .. } => write!(f, "password until {}", rfc3339(*at)),
            Self::IdentityToken { .. } => f.write_str("identity token"),
            Self::Helper { name, .. } => write!(f, "helper `{name}`"),
            Self::EcrToken => f.write_str("ECR token, to be fetched"),
        }?;
        self.entry().map_or(Ok(()), |entry| write!(f, ", entry `{entry}`"))
    }
}

/// Judges what sources have, in their order.
///
/// The first login decides. A helper may know nothing, so what comes after one is still needed. A login whose time is over
/// is passed over where a new one can be fetched.
pub(super) fn judge(found: Vec<(String, Finds)>, now: OffsetDateTime) -> Vec<LoginStep> {
    let can_fetch = found.iter().any(|(_, finds)| *finds == Finds::EcrToken);
    let (mut is_decided, mut was_asked) = (false, false);
    let mut judged = |finds: &Finds| match finds {
        Finds::NoSource | Finds::Nothing => Verdict::Nothing,
        _ if is_decided => Verdict::Shadowed,
        Finds::Unreadable => {
            is_decided = true;
            Verdict::InTheWay
        }
        Finds::Helper { .. } => {
            was_asked = true;
            Verdict::Asked
        }
        Finds::Password { ends_at: Some(at), .. } if can_fetch && *at <= now => Verdict::PassedOver,
        Finds::Password { .. } | Finds::IdentityToken { .. } | Finds::EcrToken => {
            is_decided = true;
            if was_asked { Verdict::Otherwise } else { Verdict::Used }
        }
    };
    found
        .into_iter()
        .map(|(source, finds)| {
            let verdict = judged(&finds);
            LoginStep { source, finds, verdict }
        })
        .collect()
}
