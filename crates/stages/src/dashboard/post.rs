//! What runs where as JSON, for a dashboard that somebody has already.

use landfall_artifacts::{Class, EnvironmentName, Problem};
use landfall_dashboard::Site;
use landfall_run::Run;
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Http, Method};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::address::Parts;

/// Where it goes.
#[derive(Clone, Debug)]
pub struct Post {
    /// The client.
    pub http: Http,
    /// The address.
    pub address: String,
    /// Sent as `Authorization: Bearer`, where there is one.
    pub token: Option<Secret>,
}

/// What is sent: what runs in one environment, and in which release it came.
///
/// ```json
/// {"formatVersion":1,"product":"shop","environment":"stg_eu00","madeAt":"2025-11-19T15:22:00Z","functions":[
///   {"name":"OrderServiceFunction","project":"orderService","version":"1.4.2","digest":"sha256:...","release":"v1.4.2",
///    "since":"2025-11-19T15:22:00Z","by":"ada","run":"https://...","rolledBack":false}]}
/// ```
pub fn body(site: &Site, environment: &EnvironmentName) -> Value {
    let time = |at: time::OffsetDateTime| at.format(&Rfc3339).ok();
    let functions: Vec<Value> = site
        .functions
        .iter()
        .filter_map(|function| {
            let cell = function.cells.get(environment)?;
            Some(json!({
                "name": function.name,
                "project": function.project,
                "version": cell.version,
                "digest": cell.digest.map(|digest| digest.to_string()),
                "release": cell.release,
                "since": time(cell.since),
                "by": cell.by,
                "run": cell.run,
                "rolledBack": cell.rolled_back,
            }))
        })
        .collect();
    json!({
        "formatVersion": 1,
        "product": site.title,
        "environment": environment.as_str(),
        "madeAt": time(site.made),
        "functions": functions,
    })
}

impl Post {
    /// Sends it. Repeating it sends the same again, so that a receiver should take the newest.
    ///
    /// # Errors
    /// An address that cannot be spoken to, no answer, or another status than 200 to 299; what a caller says as a warning, since a page
    /// for people is no reason to fail a release.
    pub async fn send(&self, site: &Site, environment: &EnvironmentName, run: &Run) -> Result<(), Problem> {
        let Parts { base, path, query } = Parts::of(&self.address);
        let refused = |what: String| {
            Problem::new("LF-DASHBOARD-POST", Class::Input, what).with_remedy(
                "correct the address of the dashboard: --post, or the variable LANDFALL_DASHBOARD_POST",
            )
        };
        let credential = match &self.token {
            Some(token) => {
                let origin = Origin::parse(base).map_err(|error| refused(error.to_string()))?;
                Some(Credential::new(origin, CredentialKind::Bearer(token.clone())))
            }
            None => None,
        };
        let receiver = self.http.site("dashboard", base, credential).map_err(|error| Problem::of(&error))?;
        let mut request = receiver.request(Method::POST, path).json(&body(site, environment)).idempotent();
        for (name, value) in query {
            request = request.query(&name, &value);
        }
        let answer = request.send(run, Cap::JSON).await.map_err(|error| Problem::of(&error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let what = format!("the dashboard at {base} answered {}", answer.status().as_u16());
        Err(Problem::new("LF-DASHBOARD-POST", Class::Refused, what))
    }
}
