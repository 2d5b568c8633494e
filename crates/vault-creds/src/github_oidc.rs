//! The token that GitHub Actions signs for a job that asks for one.

use http::Method;
use landfall_run::Run;
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Http};
use serde::Deserialize;
use url::Url;

use crate::{Error, jwt};

/// Where GitHub gives a job its id token, and for whom it is to be (GitHub docs, "OpenID Connect reference"). A token lives for
/// minutes, so it is asked for when it is needed. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubOidc {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`, an address with a query.
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. It is sent to that address's origin and to no other.
    pub bearer: Secret,
    /// Who the token is for: its claim `aud`.
    pub audience: String,
}

#[derive(Deserialize)]
struct Answer {
    value: Option<String>,
}

impl GitHubOidc {
    /// What can be seen to be wrong before anything is sent.
    pub(crate) fn problems(&self) -> Vec<Error> {
        let missing = [
            (self.url.is_empty(), "ACTIONS_ID_TOKEN_REQUEST_URL"),
            (self.bearer.is_empty(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
            (self.audience.is_empty(), "the audience of the id token"),
        ];
        missing.into_iter().filter_map(|(missing, what)| missing.then_some(Error::Missing { what })).collect()
    }

    /// Asks for a token. Asking twice does no harm; a redirect is refused, not followed.
    pub(crate) async fn id_token(&self, http: &Http, run: &Run) -> Result<Secret, Error> {
        run.redactor().learn(&self.bearer);
        let failed = |cause| Error::GitHub { cause: Box::new(cause) };
        let no_address = || Error::GitHubRefused {
            status: 0,
            said: "ACTIONS_ID_TOKEN_REQUEST_URL is no address".to_owned(),
        };
        let url = Url::parse(&self.url).map_err(|_| no_address())?;
        let origin = Origin::of(&url).map_err(|_| no_address())?;
        let credential = Credential::new(origin, CredentialKind::Bearer(self.bearer.clone()));
        let root = url.join("/").map_err(|_| no_address())?;
        let site = http.site("github", root.as_str(), Some(credential)).map_err(failed)?;
        let mut request = site.request(Method::GET, url.path()).header("accept", "application/json");
        for (name, value) in url.query_pairs().filter(|(name, _)| name != "audience") {
            request = request.query(&name, &value);
        }
        let answer = request.query("audience", &self.audience).send(run, Cap::TOKEN).await.map_err(failed)?;
        let refused = |said: &str| Error::GitHubRefused {
            status: answer.status().as_u16(),
            said: landfall_secret::escape(&run.redactor().redact(said), 300),
        };
        if !answer.status().is_success() {
            let body = String::from_utf8_lossy(answer.body());
            let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
            return Err(refused(if line.is_empty() { "no reason given" } else { &line }));
        }
        let given: Option<Answer> = serde_json::from_slice(answer.body()).ok();
        let token = given.and_then(|answer| answer.value).map(Secret::new);
        let token = token.ok_or_else(|| refused("the answer has no token"))?;
        run.redactor().learn(&token);
        if jwt::is_signed(&token) { Ok(token) } else { Err(Error::IdToken) }
    }
}
