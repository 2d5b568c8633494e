//! The definitions that come with Landfall, and what a repo makes of them.

use std::collections::BTreeMap;

use landfall_artifacts::{JobSettings, PartName, PipelineSettings, Settings};

/// Name and text of each, in the order in which people meet them.
const BUILT_IN: [(&str, &str); 10] = [
    ("staging", include_str!("definitions/staging.toml")),
    ("staging-on-demand", include_str!("definitions/staging-on-demand.toml")),
    ("production", include_str!("definitions/production.toml")),
    ("s3-config", include_str!("definitions/s3-config.toml")),
    ("immutable-release", include_str!("definitions/immutable-release.toml")),
    ("dr-sync", include_str!("definitions/dr-sync.toml")),
    ("images-dev", include_str!("definitions/images-dev.toml")),
    ("images-prod", include_str!("definitions/images-prod.toml")),
    ("infrastructure", include_str!("definitions/infrastructure.toml")),
    ("rollback", include_str!("definitions/rollback.toml")),
];

/// The names of all pipelines of a repo: the built-in ones first, then its own by name.
pub(crate) fn names(settings: &Settings) -> Vec<PartName> {
    let built_in = BUILT_IN.iter().map(|(name, _)| built_in_name(name));
    let own = settings.pipelines.keys().filter(|name| built_in_text(name).is_none()).cloned();
    built_in.chain(own).collect()
}

/// The definition of a pipeline: what the repo says over what it begins from. `None` where nobody defines it.
pub(crate) fn definition(settings: &Settings, name: &PartName) -> Option<PipelineSettings> {
    let own = settings.pipelines.get(name);
    let base = own.and_then(|own| own.like.as_ref()).unwrap_or(name);
    let replaced = own.is_some_and(|own| own.replace == Some(true));
    let built_in = if replaced { None } else { built_in_text(base).map(|text| parsed(base, text)) };
    match (built_in, own) {
        (Some(built_in), Some(own)) => Some(extended(built_in, own)),
        (built_in, own) => built_in.or_else(|| own.cloned()),
    }
}

/// Whether a pipeline of this name comes with Landfall.
pub fn is_built_in(name: &PartName) -> bool {
    built_in_text(name).is_some()
}

fn built_in_name(name: &str) -> PartName {
    name.parse().expect("names of built-in pipelines follow the rule of names")
}

fn built_in_text(name: &PartName) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name.as_str()).map(|(_, text)| *text)
}

fn parsed(name: &PartName, text: &str) -> PipelineSettings {
    PipelineSettings::parse(text, name.as_str()).expect("built-in definitions are read by a test")
}

/// Takes from the second what it says, and what it does not say from the first.
macro_rules! over {
    ($base:ident, $own:ident, $type:ident { $($field:ident),+ $(,)? } keep { $($kept:ident : $value:expr),* $(,)? }) => {
        $type { $($field: $own.$field.clone().or($base.$field),)+ $($kept: $value),* }
    };
}

fn extended(base: PipelineSettings, own: &PipelineSettings) -> PipelineSettings {
    let mut jobs = base.jobs;
    for (name, job) in &own.jobs {
        let job = match jobs.remove(name) {
            Some(base) => extended_job(base, job),
            None => job.clone(),
        };
        jobs.insert(name.clone(), job);
    }
    let ci_stages = match (base.ci_stages, &own.ci_stages) {
        (_, Some(own)) => Some(own.clone()),
        (base, None) => base,
    };
    PipelineSettings {
        summary: own.summary.clone().or(base.summary),
        like: own.like.clone(),
        replace: own.replace,
        start: own.start.or(base.start),
        changes: own.changes.clone().or(base.changes),
        kinds: own.kinds.clone().or(base.kinds),
        environments: own.environments.clone().or(base.environments),
        standby: own.standby.or(base.standby),
        chosen: own.chosen.or(base.chosen),
        after: own.after.clone().or(base.after),
        ci_stages,
        jobs,
    }
}

fn extended_job(base: JobSettings, own: &JobSettings) -> JobSettings {
    // What runs is one thing: commands in place of a stage take its arguments and its template away, and the other way round.
    let changes_work = own.stage.is_some() || own.commands.is_some();
    let mut at = base.at;
    at.extend(own.at.clone());
    let variables = match (base.variables, &own.variables) {
        (Some(mut base), Some(own)) => {
            base.extend(own.clone());
            Some(base)
        }
        (base, own) => own.clone().or(base),
    };
    let base = JobSettings { at: BTreeMap::new(), variables: None, ..base };
    let base = if changes_work {
        JobSettings { stage: None, arguments: None, commands: None, template: None, keeps: None, ..base }
    } else {
        base
    };
    over!(base, own, JobSettings {
        leave_out, stage, arguments, commands, each, name, ci_stage, template, needs, after_stages, when, allow_failure,
        branches, changes, condition, timeout, takes, keeps, keep_for, hands_over, keep_when, tags, image, cache,
        interruptible, parallel,
    } keep { at: at, variables: variables })
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{PipelineSettings, Settings};

    use super::{BUILT_IN, definition, names};

    #[test]
    fn built_in_definitions_can_be_read() {
        for (name, text) in BUILT_IN {
            if let Err(errors) = PipelineSettings::parse(text, name) {
                panic!("{errors}");
            }
        }
        assert_eq!(names(&Settings::default()).len(), BUILT_IN.len());
    }

    #[test]
    fn a_repo_says_what_it_wants_different() {
        let text = r#"
[pipelines.staging.jobs.build]
commands = [["make"]]
[pipelines.staging.jobs.semantic-versioning]
variables = { LANDFALL_PREID = "rc" }
[pipelines.hotfix]
like = "staging"
summary = "mends"
[pipelines.production]
replace = true
[pipelines.production.jobs.only]
commands = [["true"]]
"#;
        let settings = Settings::parse(text.as_bytes(), "x", &[]).expect("valid");
        let of = |name: &str| definition(&settings, &name.parse().expect("a name"));
        let staging = of("staging").expect("staging");
        let job = |name: &str| {
            staging.jobs.iter().find(|(key, _)| key.as_str() == name).map(|(_, job)| job.clone())
        };
        assert_eq!(job("build").and_then(|job| job.commands), Some(vec![vec!["make".to_owned()]]));
        let variables = job("semantic-versioning").and_then(|job| job.variables).unwrap_or_default();
        assert_eq!(
            variables.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["GIT_DEPTH=0", "LANDFALL_PREID=rc"]
        );
        assert_eq!(
            of("hotfix").map(|hotfix| (hotfix.jobs.len(), hotfix.summary)),
            Some((staging.jobs.len(), Some("mends".to_owned())))
        );
        assert_eq!(of("production").map(|production| production.jobs.len()), Some(1));
        assert!(of("nothing").is_none());
    }
}
