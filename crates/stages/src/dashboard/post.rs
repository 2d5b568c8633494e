//! What runs where as JSON, for a dashboard that somebody has already.

use std::time::Duration;

use landfall_artifacts::{Class, EnvironmentName, Explain as _, Problem};
use landfall_dashboard::Site;
use landfall_run::{Run, root_cause};
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Http, Method};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::address::Parts;
use crate::{Finished, Item};

/// How long the sending may take, with all that is tried again.
const LONGEST_SENDING: Duration = Duration::from_secs(10);

/// How long one try may take.
const ONE_TRY: Duration = Duration::from_secs(5);

/// Where it goes.
#[derive(Clone, Debug)]
pub struct Post {
    /// The client.
    pub http: Http,
    /// The address. Who knows it may write there.
    pub address: Secret,
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
    /// Tells it of environments, side by side, and adds to `finished` what became of it: that it was not told is a warning, since what
    /// others show is no reason to fail a release. It takes ten seconds at most.
    pub async fn tell(
        &self,
        site: &Site,
        environments: &[&EnvironmentName],
        run: &Run,
        finished: &mut Finished,
    ) {
        let told = environments.iter().map(|environment| self.send(site, environment, run));
        for (environment, told) in environments.iter().zip(futures_util::future::join_all(told).await) {
            match told {
                Ok(()) => {
                    let item = Item::new("dashboard of others", "told").with("of", environment.as_str());
                    finished.items.push(item.changed());
                }
                Err(problem) => finished.warnings.push(format!(
                    "the dashboard of others was not told of {environment}: {}",
                    problem.told()
                )),
            }
        }
    }

    /// Sends what runs in one environment. Repeating it sends the same again, so that a receiver should take the newest.
    ///
    /// # Errors
    /// An address that cannot be spoken to, no answer in time, or another status than 200 to 299. No text has more of the address than its
    /// origin: who knows the rest may write there.
    pub async fn send(&self, site: &Site, environment: &EnvironmentName, run: &Run) -> Result<(), Problem> {
        let Parts { base, path, query } = Parts::of(self.address.expose());
        let refused = |class: Class, what: String| {
            Problem::new("LF-DASHBOARD-POST", class, what).with_remedy(
                "correct the address of the dashboard: --post, or the variable LANDFALL_DASHBOARD_POST",
            )
        };
        let failed = |error: &landfall_transport::Error| {
            let why = landfall_secret::escape(&run.redactor().redact(&root_cause(error)), 200);
            refused(error.class(), format!("the dashboard at {base} cannot be told: {why}"))
        };
        let credential = match &self.token {
            Some(token) => {
                let origin = Origin::parse(base).map_err(|error| refused(Class::Input, error.to_string()))?;
                Some(Credential::new(origin, CredentialKind::Bearer(token.clone())))
            }
            None => None,
        };
        let receiver = self.http.site("dashboard", base, credential).map_err(|error| failed(&error))?;
        let mut request = receiver.request(Method::POST, path).json(&body(site, environment)).idempotent();
        for (name, value) in query {
            request = request.query(&name, &value);
        }
        let sent = tokio::time::timeout(LONGEST_SENDING, request.timeout(ONE_TRY).send(run, Cap::JSON)).await;
        let Ok(answer) = sent else {
            let what = format!("the dashboard at {base} did not answer in {LONGEST_SENDING:?}");
            return Err(Problem::new("LF-DASHBOARD-POST", Class::Transient, what)
                .with_remedy("draw the pages again when it answers: landfall dashboard build --post"));
        };
        let answer = answer.map_err(|error| failed(&error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let what = format!("the dashboard at {base} answered {}", answer.status().as_u16());
        Err(Problem::new("LF-DASHBOARD-POST", Class::Refused, what))
    }
}

#[cfg(test)]
mod tests {
    use landfall_dashboard::Site;
    use landfall_run::Run;
    use landfall_secret::Secret;
    use landfall_transport::{Http, HttpConfig};
    use time::OffsetDateTime;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::{LONGEST_SENDING, Post};
    use crate::Finished;

    fn post(address: &str) -> Post {
        let http = Http::new(HttpConfig::default()).expect("a client");
        Post { http, address: Secret::new(address), token: None }
    }

    async fn told(post: &Post) -> Finished {
        let site = Site::new("shop", OffsetDateTime::UNIX_EPOCH);
        let environments = ["stg_eu00".parse().expect("a name"), "prod_eu00".parse().expect("a name")];
        let mut finished = Finished::default();
        let of: Vec<_> = environments.iter().collect();
        post.tell(&site, &of, &Run::builder().build(), &mut finished).await;
        finished
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_is_silent_does_not_hold_the_release() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let begun = Instant::now();
        let finished = told(&post(&format!("http://{address}/hooks/canary0123456789?key=canary"))).await;
        assert!(begun.elapsed() <= LONGEST_SENDING + std::time::Duration::from_secs(1));
        assert_eq!((finished.warnings.len(), finished.items.len()), (2, 0), "{finished:?}");
        assert!(!format!("{finished:?}").contains("canary"), "{finished:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_address_is_in_no_warning() {
        for address in ["http://127.0.0.1:9/hooks/canary0123456789", "http://example.com/canary?key=canary"] {
            let finished = told(&post(address)).await;
            assert_eq!(finished.warnings.len(), 2, "{finished:?}");
            assert!(!format!("{finished:?}").contains("canary"), "{finished:?}");
        }
    }
}
