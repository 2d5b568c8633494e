//! What can go wrong between us and a server.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use landfall_artifacts::{Class, Explain};
use landfall_run::Hint;
use landfall_secret::{Origin, OriginError};

/// What went wrong. Addresses are shown without query and user information.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configured address is not usable.
    #[error("`{shown}` is not a usable address of {site}")]
    Address {
        /// Which system it was to be the address of.
        site: &'static str,
        /// The address, escaped.
        shown: String,
        /// What is odd about it.
        #[source]
        cause: OriginError,
    },
    /// A path that would leave the site's base.
    #[error("`{path}` is not a path below {site}'s address")]
    Path {
        /// The system.
        site: &'static str,
        /// The path, escaped.
        path: String,
    },
    /// A credential for one origin was to be used at another.
    #[error("the credential of {credential} may not go to {site}")]
    ForeignCredential {
        /// Where the credential belongs.
        credential: Origin,
        /// Where it was to be sent.
        site: Origin,
    },
    /// Plain http to a host that it is not allowed for.
    #[error("{origin} would be spoken to without encryption")]
    PlainHttp {
        /// The server.
        origin: Origin,
    },
    /// A link-local address, where cloud machines keep their metadata service.
    #[error("{origin} is a link-local address and never a server of ours")]
    LinkLocal {
        /// The address.
        origin: Origin,
    },
    /// The server points to another host where only itself may follow.
    #[error("{site} points to {foreign}, which is not itself ({what})")]
    ForeignHop {
        /// The server that we asked.
        site: Origin,
        /// Where it points, escaped.
        foreign: String,
        /// Which header or field said so.
        what: &'static str,
    },
    /// A header value that cannot be sent.
    #[error("the value of header {name} holds bytes that HTTP does not allow")]
    Header {
        /// The header's name.
        name: String,
    },
    /// A request body could not be made.
    #[error("cannot write the body of the request to {url}")]
    Encode {
        /// The address without query.
        url: String,
        /// Why not.
        #[source]
        cause: serde_json::Error,
    },
    /// No connection came about: nothing was sent.
    #[error("cannot connect to {url}")]
    Connect {
        /// The address without query.
        url: String,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server could not prove who it is: nothing was sent.
    #[error("the server of {url} could not prove who it is")]
    Untrusted {
        /// The address without query.
        url: String,
        /// What is wrong with its certificate.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke or went silent after the request was sent.
    #[error("{method} {url} got no complete answer")]
    Unanswered {
        /// The request's method.
        method: String,
        /// The address without query.
        url: String,
        /// Whether the request could have changed something.
        changes: bool,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No byte, or too few of them, came in time.
    #[error("{url} sent {received} bytes in {waited:?}, too few to go on")]
    Stalled {
        /// The address without query.
        url: String,
        /// Bytes received in that time.
        received: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// A body longer than its kind may be.
    #[error("the {what} from {url} is longer than {limit} bytes")]
    TooLarge {
        /// The kind of body.
        what: &'static str,
        /// The address without query.
        url: String,
        /// The cap in bytes.
        limit: u64,
    },
    /// An answer that is not what was asked for.
    #[error("the answer from {url} is not the {what} that was asked for; it begins `{begins}`")]
    NotAsAsked {
        /// What was asked for, such as `JSON`.
        what: &'static str,
        /// The address without query.
        url: String,
        /// The first characters, escaped.
        begins: String,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of certificates cannot be used.
    #[error("{} is not a usable file of certificates", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no certificate to check a server with.
    #[error("{origin} speaks TLS and this machine has no trusted certificates")]
    NoCertificates {
        /// The server.
        origin: Origin,
    },
    /// The HTTP client could not be made.
    #[error("cannot prepare TLS")]
    Tls {
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A proxy's address is not usable.
    #[error("`{shown}` is not a usable proxy address")]
    Proxy {
        /// The address, escaped and without user information.
        shown: String,
    },
    /// The run was asked to stop.
    #[error("stopped before {url} answered")]
    Stopped {
        /// The address without query.
        url: String,
    },
}

impl Error {
    /// Whether the same request may simply be made again.
    pub fn is_retryable(&self) -> bool {
        self.hint() != Hint::Stop
    }

    /// What this says about repeating the request.
    pub fn hint(&self) -> Hint {
        match self {
            Self::Connect { .. } | Self::Stalled { .. } => Hint::Again,
            Self::Unanswered { changes, .. } => {
                if *changes {
                    Hint::Stop
                } else {
                    Hint::Again
                }
            }
            Self::Address { .. }
            | Self::Path { .. }
            | Self::ForeignCredential { .. }
            | Self::PlainHttp { .. }
            | Self::LinkLocal { .. }
            | Self::ForeignHop { .. }
            | Self::Header { .. }
            | Self::Encode { .. }
            | Self::Untrusted { .. }
            | Self::TooLarge { .. }
            | Self::NotAsAsked { .. }
            | Self::Certificates { .. }
            | Self::NoCertificates { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::Stopped { .. } => Hint::Stop,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "LF-HTTP-ADDRESS",
            Self::Path { .. } => "LF-HTTP-PATH",
            Self::ForeignCredential { .. } => "LF-HTTP-FOREIGN-CREDENTIAL",
            Self::PlainHttp { .. } => "LF-HTTP-PLAIN",
            Self::LinkLocal { .. } => "LF-HTTP-LINK-LOCAL",
            Self::ForeignHop { .. } => "LF-HTTP-FOREIGN",
            Self::Header { .. } => "LF-HTTP-HEADER",
            Self::Encode { .. } => "LF-HTTP-ENCODE",
            Self::Connect { .. } => "LF-HTTP-CONNECT",
            Self::Untrusted { .. } => "LF-TLS-UNTRUSTED",
            Self::Unanswered { .. } => "LF-HTTP-UNANSWERED",
            Self::Stalled { .. } => "LF-HTTP-STALLED",
            Self::TooLarge { .. } => "LF-HTTP-TOO-LARGE",
            Self::NotAsAsked { .. } => "LF-HTTP-ANSWER",
            Self::Certificates { .. } => "LF-TLS-CA-FILE",
            Self::NoCertificates { .. } => "LF-TLS-NO-ROOTS",
            Self::Tls { .. } => "LF-TLS-SETUP",
            Self::Proxy { .. } => "LF-HTTP-PROXY",
            Self::Stopped { .. } => "LF-STOPPED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Address { .. }
            | Self::Path { .. }
            | Self::ForeignCredential { .. }
            | Self::PlainHttp { .. }
            | Self::LinkLocal { .. }
            | Self::Header { .. }
            | Self::Certificates { .. }
            | Self::NoCertificates { .. }
            | Self::Proxy { .. } => Class::Input,
            Self::ForeignHop { .. } | Self::Untrusted { .. } => Class::Refused,
            Self::Encode { .. } | Self::Tls { .. } => Class::Defect,
            Self::Connect { .. } | Self::Stalled { .. } | Self::NotAsAsked { .. } => Class::Transient,
            Self::Unanswered { changes, .. } => {
                if *changes {
                    Class::Unknown
                } else {
                    Class::Transient
                }
            }
            Self::TooLarge { .. } => Class::Integrity,
            Self::Stopped { .. } => Class::Interrupted,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Address { site, .. } => {
                Some(format!("give {site} an address such as https://host/path, without user or password").into())
            }
            Self::Path { .. } | Self::Encode { .. } | Self::Tls { .. } => None,
            Self::ForeignCredential { .. } => {
                Some("give the credential for the host that the address names".into())
            }
            Self::PlainHttp { origin } => {
                Some(format!("use https, or allow plain http for {} by name", origin.host()).into())
            }
            Self::LinkLocal { .. } => Some("use the server's real address".into()),
            Self::ForeignHop { what, .. } => Some(
                format!("nothing was sent there; if that host is yours, correct the server's base URL ({what}) or name it in auth_hosts")
                    .into(),
            ),
            Self::Header { name } => {
                Some(format!("look for a line break or control character in the value that becomes {name}").into())
            }
            Self::Connect { .. } => {
                Some("check the address, the network and the proxy, then run again: nothing was sent".into())
            }
            Self::Untrusted { .. } => Some(
                "look at the server's certificate: is it for this host, in date, and by an authority that this machine trusts? A private authority's, or that of a proxy that opens TLS, is given by --ca-file or SSL_CERT_FILE"
                    .into(),
            ),
            Self::Unanswered { changes: false, .. } | Self::Stalled { .. } => {
                Some("the server or the network is slow or failing; run again".into())
            }
            Self::Unanswered { changes: true, .. } => {
                Some("the change may have been made; run again, which reads back first".into())
            }
            Self::TooLarge { .. } => Some("the server sends what it should not; look at it before running again".into()),
            Self::NotAsAsked { .. } => {
                Some("something between here and the server answers in its place (a proxy, a login page); check the address".into())
            }
            Self::Certificates { .. } => {
                Some("give a PEM file with at least one certificate by --ca-file or SSL_CERT_FILE, or unset it".into())
            }
            Self::NoCertificates { .. } => {
                Some("install ca-certificates, or give a PEM file by --ca-file or SSL_CERT_FILE".into())
            }
            Self::Proxy { .. } => Some("give the proxy as http://host:port".into()),
            Self::Stopped { .. } => Some("run again: it does what is left".into()),
        }
    }
}
