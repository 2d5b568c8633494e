//! The targets of `landfall.toml` with what the environment's variables hold.

use landfall_artifacts::{NotifyTarget, Problem, Settings, TargetName};
use landfall_cli::Environment;
use landfall_notify::{Error, Secrets, Sender};
use landfall_secret::{Redactor, Secret};
use landfall_stages::Refusal;
use landfall_stages::notify::Senders;
use landfall_transport::Http;

use crate::Context;

/// Teaches the redactor what the variables of all targets hold, before anything can print it.
pub(crate) fn teach(settings: &Settings, environment: &Environment, redactor: &Redactor) {
    for (name, target) in &settings.notify {
        for variable in target.variables() {
            if let Some(value) = environment.get(variable.as_str()) {
                redactor.learn(&Secret::new(value.trim()));
            }
        }
        if let Ok(secrets) = Secrets::of(name, target, |variable| environment.get(variable)) {
            secrets.teach(redactor);
        }
    }
}

/// Every target, or why it cannot be told here.
pub(super) fn senders(context: &Context) -> Senders {
    let http = context.http();
    let sender = |name: &TargetName, target: &NotifyTarget| -> Result<Sender, Error> {
        let secrets = Secrets::of(name, target, |variable| context.environment().get(variable))?;
        Sender::new(usable(&http, name)?, name, target, &secrets)
    };
    let targets = context.settings.notify.iter();
    targets.map(|(name, target)| (name.clone(), sender(name, target))).collect()
}

fn usable<'a>(http: &'a Result<Http, Refusal>, target: &TargetName) -> Result<&'a Http, Error> {
    http.as_ref().map_err(|Refusal(problems)| {
        let why = problems.first().map(Problem::told).unwrap_or_default();
        Error::Client { target: target.clone(), why }
    })
}
