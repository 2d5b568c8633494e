//! Environments as rows: those that jobs of old files are for, with what their variables say.

use std::collections::BTreeMap;

use landfall_artifacts::{EnvironmentKind, EnvironmentName};

use super::asked::{ALSO_OF_ROW, Answers, OF_ROW, blank, said_of, taken};
use super::choice::{Choice, Value};
use super::old_ci::{OldRow, kind_of, usual_suffix};
use super::seen::Seen;

/// The environments: those that were said, else those of jobs, else the ones that the included files were for.
pub(super) fn rows(
    seen: &Seen,
    answers: &Answers,
    pipelines: &[(&'static str, String)],
) -> BTreeMap<EnvironmentName, OldRow> {
    let known = seen.old.as_ref().map(|old| old.rows.clone()).unwrap_or_default();
    if let Some(said) = answers.get("environments") {
        let names = said.split([',', ' ']).filter_map(|name| name.parse::<EnvironmentName>().ok());
        let row = |name: &EnvironmentName| {
            let place = "as it was said to landfall init".to_owned();
            known.get(name).cloned().unwrap_or_else(|| OldRow { place, ..OldRow::default() })
        };
        return names.map(|name| (name.clone(), row(&name))).collect();
    }
    let mut rows = known;
    for (pipeline, kind, name) in [
        ("staging", EnvironmentKind::Staging, "stg_eu00"),
        ("staging-on-demand", EnvironmentKind::Staging, "stg_eu00"),
        ("production", EnvironmentKind::Production, "prod_eu00"),
        ("s3-config", EnvironmentKind::Staging, "stg_eu00"),
        ("s3-config", EnvironmentKind::Production, "prod_eu00"),
    ] {
        let is_there = rows.keys().any(|name| kind_of(name) == Some(kind));
        let Some((_, why)) = pipelines.iter().find(|(other, _)| *other == pipeline).filter(|_| !is_there)
        else {
            continue;
        };
        let place = format!("{why}, and no job names an environment of its kind");
        if let Ok(name) = name.parse() {
            rows.insert(name, OldRow { place, ..OldRow::default() });
        }
    }
    rows
}

pub(super) fn of_row(
    seen: &Seen,
    answers: &Answers,
    name: &EnvironmentName,
    row: &OldRow,
    has_images: bool,
) -> Vec<Choice> {
    let table = ["environment", name.as_str()];
    let vault = ["environment", name.as_str(), "vault"];
    let kind = kind_of(name).unwrap_or_default();
    let place = &row.place;
    let mut choices = vec![Choice::new(&table, "kind", Value::Text(kind.as_str().to_owned()), place.clone())];
    let suffix = row.suffix.clone().or_else(|| usual_suffix(name).map(str::to_owned));
    if let Some(suffix) = suffix {
        choices.push(Choice::new(&table, "suffix", Value::Text(suffix), "the end of its jobs' names"));
    }
    let said = |variable: &str| seen.old.as_ref().and_then(|old| said_of(old, Some(row), variable));
    let steps = |sub: &str| if sub.is_empty() { &table[..] } else { &vault[..] };
    let mut of_vault = Vec::new();
    for asked in OF_ROW.iter().filter(|asked| has_images || !asked.of_images) {
        let at = steps(asked.table);
        let derived = of_ecr(asked.key, &choices);
        let choice = taken(answers, at, asked.key, said(asked.variable))
            .or_else(|| {
                derived.map(|value| Choice::new(at, asked.key, Value::Text(value), "as its ecr says"))
            })
            .unwrap_or_else(|| blank(at, asked));
        let list = if at.len() > 2 { &mut of_vault } else { &mut choices };
        list.push(choice);
    }
    for (sub, key, variable) in ALSO_OF_ROW {
        let at = steps(sub);
        let derived = of_ecr(key, &choices);
        let choice = taken(answers, at, key, said(variable))
            .or_else(|| derived.map(|value| Choice::new(at, key, Value::Text(value), "as its ecr says")));
        if let Some(choice) = choice {
            let list = if at.len() > 2 { &mut of_vault } else { &mut choices };
            list.push(choice);
        }
    }
    choices.extend(of_vault);
    choices
}

/// Region and account as they stand in the name of a registry of ECR.
fn of_ecr(key: &str, choices: &[Choice]) -> Option<String> {
    let ecr = choices.iter().find(|choice| choice.key == "ecr")?;
    let Value::Text(text) = &ecr.value else { return None };
    let mut parts = text.split('/').next()?.split('.');
    let (account, dkr, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let value = match key {
        "account" => account,
        "aws_region" => region,
        _ => return None,
    };
    (dkr == "dkr" && service == "ecr").then(|| value.to_owned())
}
