//! `update-jira-instructions` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{EnvironmentKind, EnvironmentName, RegionKey, Settings};
use landfall_cli::Opt;
use landfall_stages::jira::instructions;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, Held, jira};

/// Where nothing says where the release goes next: the rows of `landfall.toml` of kind `production` in the ticket's region.
fn productions(settings: &Settings, region: Option<&RegionKey>) -> Vec<EnvironmentName> {
    let rows = settings.environments.iter().filter(|(name, row)| {
        row.kind == EnvironmentKind::Production
            && (region.is_none() || settings.region_key(name).as_ref() == region)
    });
    rows.map(|(name, _)| name.clone()).collect()
}

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "update-jira-instructions";
    const SUMMARY: &'static str = "Write deploy, verify and rollback steps on the release ticket";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            jira::options(),
            vec![
                Opt::value(
                    "targets",
                    "NAMES",
                    "the environments that the release goes to next, comma-separated",
                )
                .env(&["LANDFALL_NEXT_ENVIRONMENTS"]),
                Opt::value("start-at", "URL", "where a person starts the pipeline")
                    .env(&["LANDFALL_START_AT"]),
            ],
        ]
        .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let mut environments: Vec<EnvironmentName> = Vec::new();
            for name in
                values.text("targets").unwrap_or_default().split([',', ' ']).filter(|name| !name.is_empty())
            {
                match name.parse() {
                    Ok(name) => environments.push(name),
                    Err(cause) => {
                        values.problem("LF-CONFIG", &format!("--targets cannot be used: {cause}"), None);
                    }
                }
            }
            let versions = match values.text("versions").as_deref() {
                Some("-") => Some(crate::context::versions_of_stdin()?),
                Some(_) | None => None,
            };
            let project_url =
                context.environment().get("CI_PROJECT_URL").map(|url| format!("{url}/-/pipelines/new"));
            let start_at = values.text("start-at").or(project_url);
            values.finish().map_err(Refusal)?;
            let named = jira::nx_target(context, Self::NAME, &jira::KINDS).map_err(Refusal::one)?;
            let common = jira::common(context, named.map(|named| named.region)).await?;
            if environments.is_empty() {
                environments = productions(&context.settings, common.target.region_key.as_ref());
            }
            let config = instructions::Config { common, versions, environments, start_at };
            let idle = match &config.versions {
                Some(versions) => versions.is_empty() && config.common.ticket.is_none(),
                None => config.common.is_idle(),
            };
            if idle {
                return Ok(instructions::nothing());
            }
            instructions::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}

#[cfg(test)]
mod tests {
    use landfall_cli::{Parsed, command, parse};
    use landfall_stages::jira::typed::commands;

    use landfall_artifacts::Settings;

    use super::productions;
    use crate::{every_stage, stage};

    #[test]
    fn the_release_goes_to_the_production_environments_of_the_ticket_s_region() {
        let text = "[environment.prod_eu00]\nkind = \"production\"\n[environment.prod_eu01]\nkind = \"production\"\nregion_key = \"ch\"\n[environment.prod_na00]\nkind = \"production\"\n[environment.stg_eu00]\nkind = \"staging\"\n";
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        let of = |region: Option<&str>| {
            let region = region.map(|key| key.parse().expect("a region"));
            productions(&settings, region.as_ref()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(Some("eu")), ["prod_eu00"]);
        assert_eq!(of(Some("ch")), ["prod_eu01"]);
        assert_eq!(of(None), ["prod_eu00", "prod_eu01", "prod_na00"]);
        assert!(of(Some("ap")).is_empty());
    }

    #[test]
    fn every_command_that_is_shown_is_one_of_this_tool() {
        let environments = ["prod_eu00", "prod_na00"].map(|name| name.parse().expect("a name"));
        let release = "v1.4.0+5".parse().expect("a release");
        for release in [None, Some(&release)] {
            let shown = commands(&environments, release);
            let lines: Vec<&String> =
                [&shown.deploy, &shown.verify, &shown.roll_back].into_iter().flatten().collect();
            assert_eq!(lines.len(), 14);
            for line in lines {
                let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
                let [tool, kind, name, arguments @ ..] = words.as_slice() else { panic!("{line}") };
                assert_eq!((tool.as_str(), kind.as_str()), ("landfall", "stage"), "{line}");
                let entry = stage(name).unwrap_or_else(|| panic!("{line}: no such stage"));
                let options =
                    [(entry.options)(), every_stage::shared(crate::Shared::Stage).to_vec()].concat();
                match parse(command(entry.name, entry.summary, &options), &options, arguments) {
                    Ok(Parsed::Values(values)) => {
                        let environment = values.get("environment").and_then(|name| name.parse().ok());
                        assert!(environment.is_some_and(|name| environments.contains(&name)), "{line}");
                    }
                    other => panic!("{line}: {other:?}"),
                }
            }
        }
    }
}
