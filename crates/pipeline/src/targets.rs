//! What a person types into the web form, before anything is made of it.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, EnvironmentKind, EnvironmentName, Problem, Settings, TextError, Versions};

use crate::places::meant;

/// What a run on demand is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// The environments, each once, in the order given; at least one, all of one kind.
    pub environments: Vec<EnvironmentName>,
    /// Staging or production.
    pub kind: EnvironmentKind,
    /// What is to be deployed, where a text was given.
    pub versions: Option<Versions>,
}

/// The environments that can be named, each with its kind: those of staging and production. CI files carry them as a text, since the
/// repos that include such files need no `landfall.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownTargets(BTreeMap<EnvironmentName, EnvironmentKind>);

impl KnownTargets {
    /// Those of a repo's rows.
    pub fn of(settings: &Settings) -> Self {
        let rows = settings.environments.iter().filter(|(_, row)| row.kind != EnvironmentKind::Other);
        Self(rows.map(|(name, row)| (name.clone(), row.kind)).collect())
    }
}

impl std::fmt::Display for KnownTargets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<String> =
            self.0.iter().map(|(name, kind)| format!("{name}={}", kind.as_str())).collect();
        f.write_str(&shown.join(","))
    }
}

impl std::str::FromStr for KnownTargets {
    type Err = TextError;

    /// As it is shown: `stg_eu00=staging,prod_eu00=production`.
    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong = || {
            TextError::new(
                text,
                "environments with their kinds, such as stg_eu00=staging,prod_eu00=production",
            )
        };
        let one = |part: &str| {
            let (name, kind) = part.split_once('=')?;
            let kind = EnvironmentKind::ALL.iter().find(|known| known.as_str() == kind)?;
            Some((name.parse().ok()?, *kind)).filter(|(_, kind)| *kind != EnvironmentKind::Other)
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(|part| one(part).ok_or_else(wrong)).collect::<Result<_, _>>().map(Self)
    }
}

/// The most characters that either text may have, far more than a web form is filled with.
const MOST: usize = 1024 * 1024;

/// Reads `TARGET_DEPLOY_ENVIRONMENTS` (names with commas or white space between them) and `TARGET_VERSIONS_JSON`; `workspace` is the
/// `versions.json` that stands in the workspace already.
///
/// # Errors
/// Every [`Problem`] at once: nothing named, an unknown environment with those that are known, staging mixed with production, a text
/// that is no valid `versions.json`, or one that differs from the file.
pub fn targets(
    environments: &str,
    versions: Option<&str>,
    workspace: Option<&Versions>,
    targets: &KnownTargets,
) -> Result<Targets, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut refuse = |code: &str, what: String, remedy: String| {
        problems.push(Problem::new(code, Class::Input, what).with_remedy(remedy));
    };
    let known = || targets.0.keys().map(EnvironmentName::as_str);
    let listed = known().collect::<Vec<_>>().join(", ");
    let environments = if environments.len() > MOST { "" } else { environments };
    let mut named: Vec<(EnvironmentName, EnvironmentKind)> = Vec::new();
    let mut count = 0;
    for word in environments.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()) {
        count += 1;
        let row = word.parse::<EnvironmentName>().ok().and_then(|name| {
            let kind = *targets.0.get(&name)?;
            Some((name, kind))
        });
        match row {
            Some(row) if named.contains(&row) => {}
            Some(row) => named.push(row),
            // A text of a thousand names is one mistake, not a thousand.
            None if count <= 20 => {
                let shown = landfall_secret::escape(word, 80);
                refuse(
                    "LF-TARGET-UNKNOWN",
                    format!(
                        "TARGET_DEPLOY_ENVIRONMENTS names `{shown}`, which is no environment of staging or production"
                    ),
                    format!("name {}", meant(word, known())),
                );
            }
            None => {}
        }
    }
    if count == 0 {
        refuse(
            "LF-TARGET-NONE",
            "TARGET_DEPLOY_ENVIRONMENTS names no environment".to_owned(),
            format!("name some of {listed}"),
        );
    }
    let kind = named.first().map(|(_, kind)| *kind);
    if named.iter().any(|(_, other)| Some(*other) != kind) {
        let what = "TARGET_DEPLOY_ENVIRONMENTS names environments of staging and of production".to_owned();
        refuse("LF-TARGET-MIXED", what, "start a run for each".to_owned());
    }
    let mut read = None;
    if let Some(text) = versions.filter(|text| !text.trim().is_empty()) {
        match Versions::parse(text.as_bytes(), "TARGET_VERSIONS_JSON") {
            Ok(versions) if workspace.is_some_and(|file| *file != versions) => {
                let what = "versions.json in the workspace differs from TARGET_VERSIONS_JSON".to_owned();
                refuse("LF-VERSIONS-DIFFER", what, "remove one of them; neither wins silently".to_owned());
            }
            Ok(versions) => read = Some(versions),
            Err(errors) => {
                let remedy = "copy the text of versions.json as the staging pipeline left it".to_owned();
                refuse("LF-FILE-INVALID", errors.to_string(), remedy);
            }
        }
    } else if workspace.is_none() {
        let remedy = "copy the text of versions.json as the staging pipeline left it".to_owned();
        refuse(
            "LF-TARGET-VERSIONS",
            "TARGET_VERSIONS_JSON is empty, and there is no versions.json".to_owned(),
            remedy,
        );
    }
    match kind {
        Some(kind) if problems.is_empty() => {
            let environments = named.into_iter().map(|(name, _)| name).collect();
            Ok(Targets { environments, kind, versions: read })
        }
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Settings, Versions};

    use super::{KnownTargets, Targets, targets};

    const ONE: &str = r#"{"a": {"version": "1.0.0", "folder": "a"}}"#;

    fn of(environments: &str, versions: &str, file: Option<&str>) -> Result<Targets, String> {
        let table = "[environment.stg_eu00]\nkind = \"staging\"\n[environment.prod_eu00]\nkind = \"production\"\n[environment.prod_na03]\nkind = \"production\"\n[environment.dev]\n";
        let settings = Settings::parse(table.as_bytes(), "x", &[]).expect("valid");
        let file = file.map(|text| Versions::parse(text.as_bytes(), "versions.json").expect("valid"));
        targets(environments, Some(versions), file.as_ref(), &KnownTargets::of(&settings)).map_err(
            |problems| {
                let lines: Vec<String> = problems
                    .iter()
                    .map(|problem| {
                        format!(
                            "{} {}; try: {}",
                            problem.code,
                            problem.what,
                            problem.remedy.clone().unwrap_or_default()
                        )
                    })
                    .collect();
                lines.join("\n")
            },
        )
    }

    #[test]
    fn known_environments_travel_as_a_text() {
        let text = "prod_eu00=production,stg_eu00=staging";
        assert_eq!(text.parse::<KnownTargets>().map(|known| known.to_string()).as_deref(), Ok(text));
        for odd in ["prod_eu00", "prod_eu00=other", "a b=staging", "=staging"] {
            assert!(odd.parse::<KnownTargets>().is_err(), "{odd}");
        }
    }

    #[test]
    fn commas_and_spaces_part_names() {
        for text in ["prod_eu00,prod_na03", " prod_eu00  prod_na03\n", "prod_eu00, prod_na03,prod_eu00,"] {
            let names: Vec<String> =
                of(text, ONE, None).expect("good").environments.iter().map(ToString::to_string).collect();
            assert_eq!(names, ["prod_eu00", "prod_na03"], "{text}");
        }
        assert!(of("stg_eu00", "", Some(ONE)).is_ok_and(|targets| targets.versions.is_none()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_once() {
        let shown = [
            of("", "", None),
            of("prod_eu0 dev stg_eu00,prod_na03", "{\"a\": 1}", None),
            of("prod_eu00", ONE, Some("{}")),
            of("$(id) `x`", ONE, None),
        ];
        let shown: Vec<String> = shown.into_iter().map(|refusal| refusal.expect_err("bad")).collect();
        insta::assert_snapshot!(shown.join("\n\n"), @r"
        LF-TARGET-NONE TARGET_DEPLOY_ENVIRONMENTS names no environment; try: name some of prod_eu00, prod_na03, stg_eu00
        LF-TARGET-VERSIONS TARGET_VERSIONS_JSON is empty, and there is no versions.json; try: copy the text of versions.json as the staging pipeline left it

        LF-TARGET-UNKNOWN TARGET_DEPLOY_ENVIRONMENTS names `prod_eu0`, which is no environment of staging or production; try: name `prod_eu00`, perhaps
        LF-TARGET-UNKNOWN TARGET_DEPLOY_ENVIRONMENTS names `dev`, which is no environment of staging or production; try: name one of prod_eu00, prod_na03, stg_eu00
        LF-TARGET-MIXED TARGET_DEPLOY_ENVIRONMENTS names environments of staging and of production; try: start a run for each
        LF-FILE-INVALID TARGET_VERSIONS_JSON: /a at 1:7: found 1, expected an object; try: copy the text of versions.json as the staging pipeline left it

        LF-VERSIONS-DIFFER versions.json in the workspace differs from TARGET_VERSIONS_JSON; try: remove one of them; neither wins silently

        LF-TARGET-UNKNOWN TARGET_DEPLOY_ENVIRONMENTS names `$(id)`, which is no environment of staging or production; try: name one of prod_eu00, prod_na03, stg_eu00
        LF-TARGET-UNKNOWN TARGET_DEPLOY_ENVIRONMENTS names ``x``, which is no environment of staging or production; try: name one of prod_eu00, prod_na03, stg_eu00
        ");
    }
}
