//! What services were sent besides the credentials that belong to them.

use http::HeaderName;

use super::canary::Canary;
use super::finder::Finder;
use crate::s3::ObjectView;
use crate::{Entry, Sandbox, Service};

/// Headers that hold a credential.
const CREDENTIALS: [&str; 5] =
    ["authorization", "x-vault-token", "x-amz-security-token", "x-jfrog-art-api", "private-token"];

impl Sandbox {
    /// Where secrets stand that services were sent or keep: the requests after the one of this number over all services, and everything that
    /// lies in Jira and S3 now. One line a place, which names the secret and does not show it.
    ///
    /// A secret may stand in a header for credentials of a service that it belongs to, and in the body of a login there; nowhere else, not
    /// even at its own service. Of request bodies over 256 KiB nothing is kept; what of them comes to lie in S3 is looked at there.
    pub fn leaks(&self, finder: &Finder, after: u64) -> Vec<String> {
        let entries = self.journal().entries();
        let mut leaks: Vec<String> = entries
            .iter()
            .filter(|entry| entry.global > after)
            .flat_map(|entry| in_request(entry, finder))
            .collect();
        let mut look = |place: String, bytes: &[u8]| {
            leaks.extend(finder.find(bytes).iter().map(|found| format!("{place}: {found}")));
        };
        for issue in self.jira.issues() {
            look(format!("ticket {}", issue.key), format!("{issue:?}").as_bytes());
        }
        let objects = self.s3.objects();
        // All at once, since there may be very many; one by one only where there is something.
        let name = |key: &String, object: &ObjectView| format!("{key} {:?}\n", object.headers).into_bytes();
        let all: Vec<u8> = objects
            .iter()
            .flat_map(|(_, key, object)| [name(key, object), object.bytes.to_vec(), vec![b'\n']].concat())
            .collect();
        if !finder.find(&all).is_empty() {
            for (bucket, key, object) in objects {
                look(format!("headers of {key} of bucket {bucket}"), &name(&key, &object));
                look(format!("object {key} of bucket {bucket}"), &object.bytes);
            }
        }
        leaks
    }
}

fn in_request(entry: &Entry, finder: &Finder) -> Vec<String> {
    let belongs = |canary: &Canary| canary.homes.contains(&entry.service);
    let mut leaks = Vec::new();
    let mut look = |place: &str, bytes: &[u8], may_hold: &dyn Fn(&Canary) -> bool| {
        let found = finder.find(bytes);
        let wrong = found.iter().filter(|found| !may_hold(found.canary));
        // The address of the request may be what holds the secret, so the entry itself is not shown.
        leaks.extend(wrong.map(|found| {
            format!("{place} of request {} to {}: {found}", entry.number, entry.service.name())
        }));
    };
    look("the address", entry.target.as_bytes(), &|_| false);
    for (name, value) in entry.raw_headers() {
        let may_hold = |canary: &Canary| is_credential(name) && belongs(canary);
        look(&format!("header {name}"), value.as_bytes(), &may_hold);
    }
    match value_of_variable(entry) {
        // The value alone, and as it is: beside it, or inside another text, keys have no business.
        Some((rest, value)) => {
            look("the body", &rest, &|_| false);
            let is_of_aws = |canary: &Canary| canary.homes.iter().any(|home| Service::AWS.contains(home));
            look("the value", value.as_bytes(), &|canary| canary.value == value && is_of_aws(canary));
        }
        None => look("the body", entry.body(), &|canary| is_login(entry) && belongs(canary)),
    }
    leaks
}

/// Of the request that sets a variable of AWS's at GitLab the value, and the body without it.
fn value_of_variable(entry: &Entry) -> Option<(Vec<u8>, String)> {
    const NAMES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    if entry.service != Service::GitLab {
        return None;
    }
    let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(entry.body()).ok()?;
    let name = match (entry.method.as_str(), entry.path().rsplit_once("/variables")) {
        ("POST", Some((_, ""))) => body.get("key")?.as_str()?.to_owned(),
        ("PUT", Some((_, name))) => name.trim_start_matches('/').to_owned(),
        _ => return None,
    };
    let is_of_aws = NAMES.contains(&name.as_str());
    let value = body.remove("value").filter(|_| is_of_aws)?.as_str()?.to_owned();
    Some((serde_json::to_vec(&body).ok()?, value))
}

fn is_credential(name: &HeaderName) -> bool {
    CREDENTIALS.contains(&name.as_str())
}

/// Whether credentials stand in the body: logins and unwrapping at Vault, roles taken by a token at STS, registries' tokens by OAuth.
fn is_login(entry: &Entry) -> bool {
    let path = entry.path();
    match entry.service {
        Service::Vault => path.ends_with("/login") || path.contains("/sys/wrapping/"),
        Service::Sts => true,
        service => service.is_registry() && path.ends_with("/token"),
    }
}
