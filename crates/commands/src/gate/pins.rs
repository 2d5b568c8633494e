//! What `[identity]` of `landfall.toml` says of who vouches for people, held against what a job says.
//!
//! Whoever starts a job may set its variables, and could name a server, or a project, of their own: what the repo says stands above them.

use landfall_artifacts::{Address, IdentitySettings};
use landfall_ledger::gate::Identity;
use landfall_stages::gate::Person;
use landfall_stages::gate::identity::Error;

/// Servers that are what they are, whoever names them.
const GITLAB: &str = "https://gitlab.com";
const GITHUB: &str = "https://api.github.com";

/// A server that says who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its address.
    pub(super) address: String,
    /// Whether it is one that only a variable or a flag of the job names.
    is_of_job: bool,
    /// The keys of `[identity]` that pin it, and a project of it.
    keys: (&'static str, &'static str),
}

impl Server {
    /// Who signs id tokens.
    ///
    /// # Errors
    /// [`Error::OtherIssuer`].
    pub(super) fn issuer(pins: &IdentitySettings, told: Option<String>) -> Result<Self, Error> {
        let other = |settled: &str, told: String| Error::OtherIssuer { settled: settled.to_owned(), told };
        let server = Self::of(pins.issuer.as_ref(), told, GITLAB, ("issuer", "project"), other)?;
        Ok(server.beside(pins.issuer.is_some() || pins.project.is_some(), pins))
    }

    /// The API of GitHub.
    ///
    /// # Errors
    /// [`Error::Elsewhere`].
    pub(super) fn github(pins: &IdentitySettings, told: Option<String>) -> Result<Self, Error> {
        let other = |settled: &str, told: String| Error::Elsewhere { settled: settled.to_owned(), told };
        let server = Self::of(pins.github_api.as_ref(), told, GITHUB, ("github_api", "repository"), other)?;
        Ok(server.beside(pins.github_api.is_some() || pins.repository.is_some(), pins))
    }

    /// Where the repo says that it is at home with the other system, this one is there by the job's word alone: whoever starts it may have a
    /// token of a project of their own.
    fn beside(self, is_pinned: bool, pins: &IdentitySettings) -> Self {
        let is_any = *pins != IdentitySettings::default();
        Self { is_of_job: self.is_of_job || (is_any && !is_pinned), ..self }
    }

    fn of(
        settled: Option<&Address>,
        told: Option<String>,
        usual: &str,
        keys: (&'static str, &'static str),
        other: impl Fn(&str, String) -> Error,
    ) -> Result<Self, Error> {
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        let (address, is_of_job) = match (settled.map(Address::as_str), told) {
            (Some(settled), Some(told)) if bare(settled) != bare(&told) => {
                return Err(other(
                    settled,
                    landfall_secret::escape(&landfall_secret::shown_address(&told), 200),
                ));
            }
            (Some(settled), _) => (settled.to_owned(), false),
            (None, Some(told)) => {
                let is_of_job = bare(&told) != usual;
                (told, is_of_job)
            }
            (None, None) => (usual.to_owned(), false),
        };
        Ok(Self { address, is_of_job, keys })
    }

    /// Somebody whom this server names: what it says proves nothing where the job chose it.
    pub(super) fn vouches_for(&self, person: Person) -> Person {
        let identity = if self.is_of_job { Identity::Unverified } else { person.identity };
        Person { identity, ..person }
    }

    /// What the reader is to be told of what is not pinned.
    pub(super) fn warning(&self, is_project_pinned: bool) -> Option<String> {
        let shown = landfall_secret::escape(&landfall_secret::shown_address(&self.address), 200);
        let (server, project) = self.keys;
        if self.is_of_job {
            return Some(format!(
                "who decides is told by {shown}, which only the job names, and marked as unverified: {server} of [identity] in \
                 landfall.toml makes it count"
            ));
        }
        (!is_project_pinned).then(|| {
            format!("any project of {shown} would do: {project} of [identity] in landfall.toml lets this one alone count")
        })
    }
}

/// The repository whose runs count, `owner/name`.
///
/// # Errors
/// [`Error::Elsewhere`].
pub(super) fn repository(pins: &IdentitySettings, told: String) -> Result<String, Error> {
    match &pins.repository {
        Some(settled) if !settled.as_str().eq_ignore_ascii_case(&told) => {
            Err(Error::Elsewhere { settled: settled.to_string(), told: landfall_secret::escape(&told, 200) })
        }
        Some(_) | None => Ok(told),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Actor, IdentitySettings};
    use landfall_ledger::gate::Identity;
    use landfall_stages::gate::Person;

    use super::{Error, Server, repository};

    fn identity(server: &Server) -> Identity {
        let actor = Actor { name: "ada".into(), source: "a server".into() };
        server.vouches_for(Person { actor, identity: Identity::Verified, comment: None }).identity
    }

    #[test]
    fn no_variable_names_another_server_than_the_repo() {
        let told = |text: &str| Some(text.to_owned());
        let address = || "https://ci.example.com".parse().ok();
        let pins =
            IdentitySettings { issuer: address(), github_api: address(), ..IdentitySettings::default() };
        for make in [Server::issuer, Server::github] {
            for one in [None, told("https://ci.example.com"), told("https://ci.example.com/")] {
                let server = make(&pins, one).expect("one");
                assert_eq!(
                    (&*server.address, identity(&server)),
                    ("https://ci.example.com", Identity::Verified)
                );
                assert_eq!(server.warning(true), None);
            }
            for foreign in [
                "https://evil.example.com",
                "https://ci.example.com.evil.example.com",
                "http://ci.example.com",
            ] {
                let refused = make(&pins, told(foreign));
                let is_other = matches!(refused, Err(Error::OtherIssuer { .. } | Error::Elsewhere { .. }));
                assert!(is_other, "{foreign}: {refused:?}");
            }
        }
    }

    #[test]
    fn a_server_that_only_the_job_names_vouches_for_nobody() {
        let told = |text: &str| Some(text.to_owned());
        let pins = IdentitySettings::default();
        let usual = ["https://gitlab.com", "https://api.github.com"];
        for (make, usual) in [Server::issuer, Server::github].into_iter().zip(usual) {
            for one in [None, told(usual), told(&format!("{usual}/"))] {
                assert_eq!(identity(&make(&pins, one).expect("one")), Identity::Verified);
            }
            let own = make(&pins, told("https://ci.example.com")).expect("one");
            assert_eq!(identity(&own), Identity::Unverified);
        }
        let own = Server::github(&pins, told("https://ci.example.com")).expect("one");
        insta::assert_snapshot!(own.warning(false).expect("one"), @"who decides is told by https://ci.example.com, which only the job names, and marked as unverified: github_api of [identity] in landfall.toml makes it count");
        let usual = Server::github(&pins, None).expect("one");
        insta::assert_snapshot!(usual.warning(false).expect("one"), @"any project of https://api.github.com would do: repository of [identity] in landfall.toml lets this one alone count");
    }

    #[test]
    fn a_run_of_another_repository_says_nothing() {
        let pins = IdentitySettings { repository: "acme/shop".parse().ok(), ..IdentitySettings::default() };
        assert_eq!(repository(&pins, "Acme/Shop".to_owned()).expect("the same"), "Acme/Shop");
        let refused = repository(&pins, "mallory/shop".to_owned()).expect_err("another");
        insta::assert_snapshot!(refused.to_string(), @"approvals are those of acme/shop, and the job names mallory/shop");
        assert_eq!(repository(&IdentitySettings::default(), "a/b".to_owned()).expect("any"), "a/b");
    }

    #[test]
    fn beside_a_system_that_the_repo_names_the_other_vouches_for_nobody() {
        let told = |text: &str| Some(text.to_owned());
        let of_github =
            IdentitySettings { repository: "acme/shop".parse().ok(), ..IdentitySettings::default() };
        assert!(of_github.repository.is_some());
        let gitlab = Server::issuer(&of_github, told("https://gitlab.com")).expect("one");
        assert_eq!(identity(&gitlab), Identity::Unverified);
        assert!(gitlab.warning(false).is_some_and(|text| text.contains("unverified")));
        let github = Server::github(&of_github, None).expect("one");
        assert_eq!(identity(&github), Identity::Verified);
        let of_gitlab = IdentitySettings { project: "acme/shop".parse().ok(), ..IdentitySettings::default() };
        assert!(of_gitlab.project.is_some());
        assert_eq!(
            identity(&Server::github(&of_gitlab, None).expect("one")),
            Identity::Unverified,
            "a repository of one's own"
        );
        assert_eq!(identity(&Server::issuer(&of_gitlab, None).expect("one")), Identity::Verified);
    }
}
