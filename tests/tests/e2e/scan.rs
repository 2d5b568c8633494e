//! The search for secrets in everything that a run leaves behind.

use std::collections::BTreeSet;

use landfall_sandbox::Sandbox;
use landfall_secret::{Redactor, Secret};

/// A place that a run may have written to, and what is there.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    name: String,
    text: String,
}

impl Sink {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Names of the sinks in which a secret of the sandbox, or one of `further`, stands in any spelling that the redactor knows.
pub(crate) fn leaks(sandbox: &Sandbox, further: &[String], sinks: &[Sink]) -> Vec<String> {
    let secrets: BTreeSet<String> =
        sandbox.secret_values().into_iter().chain(further.iter().cloned()).collect();
    let all = Redactor::new();
    for secret in &secrets {
        all.learn(&Secret::new(secret.as_str()));
    }
    // The secret itself must not end up in a CI log either, so only the place is told.
    sinks.iter().filter(|sink| all.finds_secret_in(&sink.text)).map(|sink| sink.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use landfall_sandbox::{Sandbox, SandboxOptions};

    use super::{Sink, leaks};

    #[tokio::test]
    async fn a_planted_leak_is_found_in_every_spelling() {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("a sandbox");
        let password = sandbox.artifactory_access().password.clone();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("somebody:{password}"));
        assert!(leaks(&sandbox, &[], &[Sink::new("log", "nothing to see")]).is_empty());
        for planted in
            [format!("login failed for {password}"), encoded, format!("https://u:{password}@host/")]
        {
            assert_eq!(leaks(&sandbox, &[], &[Sink::new("log", planted)]), ["log"]);
        }
        assert_eq!(
            leaks(&sandbox, &["a further one".to_owned()], &[Sink::new("log", "is a further one")]).len(),
            1
        );
        sandbox.stop().await;
    }
}
