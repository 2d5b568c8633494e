//! A token for the remote, handed to git outside arguments, addresses and files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_secret::{Origin, Secret};

/// A token, bound to the one origin that it may be sent to.
///
/// git is told of it by variables (`GIT_CONFIG_COUNT`, git-config), as a header of requests to that origin alone; redirects are
/// not followed then, and no helper is asked for another credential.
#[derive(Clone, Debug)]
pub struct Access {
    origin: Origin,
    header: Secret,
}

impl Access {
    /// A token for the address of a remote. `None` where the address is not spoken to by HTTP, or without TLS on another machine:
    /// then the token is of no use there, or would be read on the way.
    pub fn new(address: &str, user: &str, token: &Secret) -> Option<Self> {
        // What stands before `@` is no part of the origin, and the token replaces it.
        let bare = match landfall_secret::user_info(address) {
            Some(user_info) => address.replacen(&format!("{user_info}@"), "", 1),
            None => address.to_owned(),
        };
        let origin = Origin::parse(&bare).ok().filter(|origin| origin.is_tls() || origin.is_loopback())?;
        let basic = STANDARD.encode(format!("{user}:{}", token.expose()));
        Some(Self { origin, header: Secret::new(format!("Authorization: Basic {basic}")) })
    }

    /// The origin that the token goes to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Settings of git, as keys and values.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let place = format!("{}://{}:{}/", self.origin.scheme(), self.origin.host(), self.origin.port());
        let header = format!("http.{place}.extraHeader");
        vec![
            // An empty value drops what others set before: two such headers are refused by servers.
            ("http.extraHeader".to_owned(), String::new()),
            (header.clone(), String::new()),
            (header, self.header.expose().to_owned()),
            (format!("http.{place}.followRedirects"), "false".to_owned()),
            ("credential.helper".to_owned(), String::new()),
            ("core.askPass".to_owned(), String::new()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use landfall_secret::Secret;

    use super::Access;

    fn access(address: &str) -> Option<Access> {
        Access::new(address, "oauth2", &Secret::new("glpat-x"))
    }

    #[test]
    fn a_token_is_for_one_origin() {
        let bound = access("https://ci:job@Git.example.com/acme/app.git").expect("bound");
        assert_eq!(bound.origin().host(), "git.example.com");
        let settings = bound.settings();
        assert!(settings.contains(&(
            "http.https://git.example.com:443/.extraHeader".to_owned(),
            "Authorization: Basic b2F1dGgyOmdscGF0LXg=".to_owned()
        )));
        assert!(!format!("{bound:?}").contains("b2F1dGgy"));
    }

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        for address in [
            "http://git.example.com/x.git",
            "git@example.com:x.git",
            "ssh://git@example.com/x",
            "/srv/x.git",
            "file:///srv/x.git",
        ] {
            assert!(access(address).is_none(), "{address}");
        }
        assert!(access("http://127.0.0.1:8080/x.git").is_some());
    }
}
