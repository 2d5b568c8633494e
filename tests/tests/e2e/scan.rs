//! The search for secrets in everything that a run leaves behind, by a finder that shares nothing with the product's redactor.

mod canaries;
mod children;
mod proof;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use landfall_sandbox::Service;
use landfall_sandbox::leaks::{Canary, Finder};

pub(crate) use canaries::secret_variables_of;
pub(crate) use children::Witness;

use crate::harness::Ran;
use crate::world::{World, files_below};

/// Whether the secrets of a service are meant.
type BelongsTo = fn(Service) -> bool;

/// The files that are named for their secrets, and whose secrets those are.
const SECRET_FILES: [(&str, BelongsTo); 2] =
    [("aws_auth.env", |home| Service::AWS.contains(&home)), ("docker-config.json", Service::is_registry)];

impl World {
    /// Every place that a run left a secret in, by name, where none belongs: output, report, files, what programs and services were told,
    /// tickets, objects. The secrets themselves are not told, since this ends up in a log too.
    pub(crate) fn leaks(&self, ran: &Ran, witness: &Witness) -> Vec<String> {
        let finder = Finder::new(self.canaries());
        let mut leaks = Vec::new();
        for (place, text) in
            [("standard output", &ran.stdout), ("standard error", &ran.stderr), ("arguments", &ran.words)]
        {
            let found = finder.find(text.as_bytes());
            let wrong =
                found.iter().filter(|found| place != "standard output" || !hands_over(ran, found.canary));
            leaks.extend(wrong.map(|found| format!("{place}: {found}")));
        }
        for (place, folder) in [("repo", self.repo.path()), ("home", self.home.path())] {
            for (name, bytes) in files_below(folder) {
                let belongs = secret_file(&name);
                if belongs.is_some() {
                    let mode =
                        std::fs::metadata(folder.join(&name)).map(|data| data.permissions().mode() & 0o777);
                    assert_eq!(mode.ok(), Some(0o600), "{name} is for its owner alone");
                }
                let may_hold = |canary: &Canary| {
                    belongs.is_some_and(|belongs| canary.homes.iter().copied().any(belongs))
                };
                let found = finder.find(&bytes);
                let wrong = found.iter().filter(|found| !may_hold(found.canary));
                leaks.extend(wrong.map(|found| format!("{place}/{name}: {found}")));
            }
        }
        let own: Vec<&String> = self.variables.keys().collect();
        leaks.extend(witness.leaks(&finder, &self.passed_on(ran), &own));
        let entries = self.sandbox.journal().entries();
        let last = entries.last().map(|entry| entry.global).unwrap_or_default();
        leaks.extend(self.sandbox.leaks(&finder, self.looked_at.swap(last, Ordering::Relaxed)));
        leaks
    }

    /// The names of the variables that the pipeline tells a stage to pass on to programs.
    fn passed_on(&self, ran: &Ran) -> Vec<String> {
        let mut words = ran.words.split(' ');
        let by_flag = words.find(|word| *word == "--pass-env").and_then(|_| words.next());
        let by_variable = self.variables.get("LANDFALL_PASS_ENV").map(String::as_str);
        let named =
            by_flag.into_iter().chain(by_variable).flat_map(|names| names.split(',')).map(str::to_owned);
        named.chain(self.of_command(ran)).collect()
    }

    /// The names of the variables that the command of `exec` has from the pipeline: all but the secrets of the stage itself.
    fn of_command(&self, ran: &Ran) -> Vec<String> {
        if !(ran.words.starts_with("aws-credentials ") && ran.words.contains(" exec -- ")) {
            return Vec::new();
        }
        let hidden = secret_variables_of("aws-credentials");
        self.variables.keys().filter(|name| !hidden.contains(&name.as_str())).cloned().collect()
    }
}

/// Whether keys of AWS are what a run prints.
fn hands_over(ran: &Ran, canary: &Canary) -> bool {
    ran.words.starts_with("aws-credentials --to process")
        && canary.homes.iter().any(|home| Service::AWS.contains(home))
}

fn secret_file(name: &str) -> Option<BelongsTo> {
    let name = name.rsplit('/').next().unwrap_or_default();
    SECRET_FILES.iter().find(|(file, _)| *file == name).map(|(_, belongs)| *belongs)
}
