//! HTTP under all our own calls.
//!
//! A secret meets no URL here. An [`Http`] makes a [`Site`] from an address and a credential, compared once; requests are
//! made on a path of the site or on a [`Location`] that the site accepted; a hop to another host is an [`Anonymous`]
//! request, to which nothing secret can be added. Redirects are never followed by themselves, no cookie or referer is
//! sent, and neither proxies nor certificates are taken from the environment.
//!
//! ```no_run
//! # async fn f(run: &landfall_run::Run) -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_secret::{Credential, CredentialKind, Origin, Secret};
//! use landfall_transport::{Cap, Http, HttpConfig};
//!
//! let http = Http::new(HttpConfig::default())?;
//! let token = CredentialKind::Bearer(Secret::new("..."));
//! let credential = Credential::new(Origin::parse("https://api.example.com")?, token);
//! let site = http.site("example", "https://api.example.com/v1", Some(credential))?;
//! let answer = site.get("/things").send(run, Cap::JSON).await?;
//! println!("{}", answer.status());
//! # Ok(()) }
//! ```

mod anonymous;
mod body;
mod cap;
mod client;
mod error;
mod request;
mod response;
mod retry_after;
mod sending;
mod site;
mod trust;

pub use anonymous::{Anonymous, Hop};
pub use body::BodyStream;
pub use cap::Cap;
pub use client::{Http, HttpConfig, PlainHttp, Proxy};
pub use error::Error;
pub use request::{Repeat, Request};
pub use response::{Answer, Streaming};
pub use retry_after::retry_after;
pub use site::{Location, Site};
pub use trust::Trust;

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
