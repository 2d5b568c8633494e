//! One function: its code, the update under way, its versions and aliases. Time is looked at when something reads or writes.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

/// What a function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Package {
    Image {
        /// As the caller named it.
        uri: String,
        /// `sha256:` and hex, resolved once at the update.
        digest: String,
    },
    Zip {
        /// Base64 of the SHA-256 of the archive.
        sha256: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) package: Package,
    /// `x86_64` or `arm64`.
    pub(super) architecture: String,
}

impl Code {
    /// Images: hex of the manifest's digest; archives: base64 of their SHA-256.
    pub(super) fn sha256(&self) -> &str {
        match &self.package {
            Package::Image { digest, .. } => digest.strip_prefix("sha256:").unwrap_or(digest),
            Package::Zip { sha256 } => sha256,
        }
    }

    /// The `Code` member of GetFunction.
    pub(super) fn location(&self) -> Value {
        match &self.package {
            Package::Image { uri, digest } => {
                json!({"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": format!("{}@{digest}", repository(uri))})
            }
            Package::Zip { .. } => {
                json!({"RepositoryType": "S3", "Location": "https://sandbox.invalid/code.zip"})
            }
        }
    }
}

/// An image address without its tag or digest.
pub(super) fn repository(uri: &str) -> &str {
    let without_digest = uri.split_once('@').map_or(uri, |(before, _)| before);
    let name_at = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    match without_digest.get(name_at..).and_then(|name| name.find(':')) {
        Some(colon) => without_digest.get(..name_at + colon).unwrap_or(without_digest),
        None => without_digest,
    }
}

/// Reason code and reason of a failed update, such as `ImageAccessDenied`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) text: String,
}

#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) code: Code,
    since: Instant,
    settles_after: Duration,
    failure: Option<Failure>,
    /// The version that `Publish` asked for.
    pub(super) version: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) code: Code,
    pub(super) description: String,
    pub(super) revision: String,
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) version: String,
    pub(super) description: String,
    pub(super) routing: Option<Value>,
    pub(super) revision: String,
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) live: Code,
    pub(super) pending: Option<Pending>,
    last_failure: Option<Failure>,
    pub(super) revision: String,
    last_modified: String,
    pub(super) idle: bool,
    pub(super) versions: Vec<Version>,
    pub(super) last_version: u64,
    pub(super) aliases: BTreeMap<String, Alias>,
    pub(super) settles_after: Duration,
    pub(super) failures: VecDeque<Failure>,
}

impl Function {
    pub(super) fn new(name: &str, live: Code) -> Self {
        Self {
            name: name.to_owned(),
            live,
            pending: None,
            last_failure: None,
            revision: revision(),
            last_modified: modified(),
            idle: false,
            versions: Vec::new(),
            last_version: 0,
            aliases: BTreeMap::new(),
            settles_after: Duration::ZERO,
            failures: VecDeque::new(),
        }
    }

    /// Ends the update under way if its time has come. The previous code stays live until then, and for good when it fails
    /// (AWS Lambda guide, "Lambda function states").
    pub(super) fn settle(&mut self, now: Instant) {
        let due =
            |pending: &mut Pending| now.saturating_duration_since(pending.since) >= pending.settles_after;
        let Some(pending) = self.pending.take_if(due) else { return };
        if pending.failure.is_none() {
            self.live = pending.code;
            self.idle = false;
        }
        if let Some(version) =
            self.versions.iter_mut().find(|version| Some(version.number) == pending.version)
        {
            version.failure.clone_from(&pending.failure);
        }
        self.last_failure = pending.failure;
        // A change of state is a write too: a revision id read during the update is no good after it.
        self.touch();
    }

    /// Begins an update; the scripted failure, if any, is used up.
    pub(super) fn begin(&mut self, code: Code, version: Option<u64>) {
        let failure = self.failures.pop_front();
        self.last_failure = None;
        self.pending = Some(Pending {
            code,
            since: Instant::now(),
            settles_after: self.settles_after,
            failure,
            version,
        });
        self.touch();
    }

    pub(super) fn touch(&mut self) {
        self.revision = revision();
        self.last_modified = modified();
    }

    /// The number for a version of `code`: that of the newest version when nothing changed since ("Lambda doesn't publish a version if
    /// the function's configuration and code haven't changed since the last version").
    pub(super) fn publish(&mut self, code: &Code, description: &str) -> u64 {
        if let Some(last) = self.versions.last().filter(|last| last.code == *code && last.failure.is_none()) {
            return last.number;
        }
        self.last_version += 1;
        let number = self.last_version;
        self.versions.push(Version {
            number,
            code: code.clone(),
            description: description.to_owned(),
            revision: revision(),
            failure: None,
        });
        number
    }

    /// A version by number, directly or through an alias.
    pub(super) fn version(&self, qualifier: &str) -> Option<&Version> {
        let qualifier = self.aliases.get(qualifier).map_or(qualifier, |alias| alias.version.as_str());
        self.versions.iter().find(|version| version.number.to_string() == qualifier)
    }

    /// `FunctionConfiguration` of `$LATEST`. With `show_pending`, the code on its way is shown before it is live.
    pub(super) fn latest(&self, arn: &str, show_pending: bool) -> Value {
        let code = self.shown(show_pending);
        let mut value = self.base(arn, code, "$LATEST", &self.revision, "");
        let Some(map) = value.as_object_mut() else { return value };
        map.insert("State".to_owned(), json!(if self.idle { "Inactive" } else { "Active" }));
        if self.idle {
            map.insert(
                "StateReason".to_owned(),
                json!("The function is inactive because it has not been invoked for some time."),
            );
            map.insert("StateReasonCode".to_owned(), json!("Idle"));
        }
        let (status, reason) = match (&self.pending, &self.last_failure) {
            // What logs of the real service show during a code update.
            (Some(_), _) => ("InProgress", Some(("Creating", "The function is being created."))),
            (None, Some(failure)) => ("Failed", Some((failure.code.as_str(), failure.text.as_str()))),
            (None, None) => ("Successful", None),
        };
        map.insert("LastUpdateStatus".to_owned(), json!(status));
        if let Some((code, text)) = reason {
            map.insert("LastUpdateStatusReason".to_owned(), json!(text));
            map.insert("LastUpdateStatusReasonCode".to_owned(), json!(code));
        }
        value
    }

    /// The code that reads show for `$LATEST`.
    pub(super) fn shown(&self, show_pending: bool) -> &Code {
        self.pending.as_ref().filter(|_| show_pending).map_or(&self.live, |pending| &pending.code)
    }

    /// `FunctionConfiguration` of a published version.
    pub(super) fn published(&self, version: &Version, arn: &str) -> Value {
        let number = version.number.to_string();
        let mut value = self.base(
            &format!("{arn}:{number}"),
            &version.code,
            &number,
            &version.revision,
            &version.description,
        );
        let pending = self.pending.as_ref().is_some_and(|pending| pending.version == Some(version.number));
        let Some(map) = value.as_object_mut() else { return value };
        let (state, status, reason) = match &version.failure {
            None if pending => {
                ("Pending", "InProgress", Some(("Creating", "The function is being created.")))
            }
            None => ("Active", "Successful", None),
            Some(failure) => ("Failed", "Failed", Some((failure.code.as_str(), failure.text.as_str()))),
        };
        map.insert("State".to_owned(), json!(state));
        map.insert("LastUpdateStatus".to_owned(), json!(status));
        if let Some((code, text)) = reason {
            map.insert("StateReason".to_owned(), json!(text));
            map.insert("StateReasonCode".to_owned(), json!(code));
        }
        value
    }

    fn base(&self, arn: &str, code: &Code, version: &str, revision: &str, description: &str) -> Value {
        let account = arn.split(':').nth(4).unwrap_or_default();
        let mut value = json!({
            "FunctionName": self.name, "FunctionArn": arn, "Role": format!("arn:aws:iam::{account}:role/lambda-execution"),
            "Description": description, "CodeSize": 0, "Timeout": 30, "MemorySize": 512, "LastModified": self.last_modified,
            "CodeSha256": code.sha256(), "Version": version, "TracingConfig": {"Mode": "PassThrough"}, "RevisionId": revision,
            "PackageType": "Image", "Architectures": [code.architecture], "EphemeralStorage": {"Size": 512}
        });
        if let (Package::Zip { .. }, Some(map)) = (&code.package, value.as_object_mut()) {
            map.insert("PackageType".to_owned(), json!("Zip"));
            map.insert("Runtime".to_owned(), json!("nodejs22.x"));
            map.insert("Handler".to_owned(), json!("index.handler"));
        }
        value
    }
}

/// A fresh revision id, in the shape of a UUID.
pub(super) fn revision() -> String {
    let bits = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xffff,
        (bits >> 48) & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

fn modified() -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn the_repository_of_an_address_keeps_the_port() {
        for (uri, expected) in [
            ("127.0.0.1:5000/team/svc:1.2", "127.0.0.1:5000/team/svc"),
            ("127.0.0.1:5000/team/svc", "127.0.0.1:5000/team/svc"),
            ("h.example/svc@sha256:00", "h.example/svc"),
            ("h.example/svc:1@sha256:00", "h.example/svc"),
        ] {
            assert_eq!(repository(uri), expected);
        }
    }
}
