//! Environments as rows: whatever a job has of its environment comes from here.

use landfall_artifacts::{EnvironmentKind, EnvironmentName, EnvironmentSettings, Settings};

/// An environment of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: EnvironmentName,
    /// What stands at the end of job names. Default: its name with `-` for what is neither letter nor digit.
    pub suffix: String,
    /// Its region key; the suffix where it has none.
    pub region: String,
    /// The first part of its name where no other row of the pipeline has that, else the suffix.
    pub short: String,
    /// `prod` for staging and production, which are alike in access, else `nonprod`.
    pub class: &'static str,
    /// The environments that come right before it.
    pub before: Vec<EnvironmentName>,
    /// What `landfall.toml` has of it.
    pub settings: EnvironmentSettings,
}

impl Row {
    fn new(name: &EnvironmentName, settings: &Settings) -> Option<Self> {
        let row = settings.environments.get(name)?;
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let suffix = row.suffix.clone().unwrap_or_else(|| plain(name.as_str()));
        Some(Self {
            name: name.clone(),
            region: settings.region_key(name).map_or_else(|| suffix.clone(), |key| key.to_string()),
            short: first_part(name).to_owned(),
            suffix,
            class: match row.kind {
                EnvironmentKind::Staging | EnvironmentKind::Production => "prod",
                EnvironmentKind::Other => "nonprod",
            },
            before: row.after.clone(),
            settings: row.clone(),
        })
    }

    /// A text in which `{environment}` and the other names stand for what the row has.
    pub fn fill(&self, text: &str) -> String {
        let before = self.before.first().map_or("", EnvironmentName::as_str);
        let names = [
            ("{environment}", self.name.as_str()),
            ("{suffix}", self.suffix.as_str()),
            ("{region}", self.region.as_str()),
            ("{short}", self.short.as_str()),
            ("{class}", self.class),
            ("{before}", before),
        ];
        // What was put in is not looked through again: a suffix may have braces.
        let mut filled = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find('{') {
            let (plain, tail) = rest.split_at(brace);
            filled.push_str(plain);
            let (value, skip) = names
                .iter()
                .find(|(name, _)| tail.starts_with(name))
                .map_or(("{", 1), |(name, value)| (*value, name.len()));
            filled.push_str(value);
            rest = tail.get(skip..).unwrap_or_default();
        }
        filled + rest
    }
}

/// The rows of these environments, those first that come before others; else by name.
pub(crate) fn rows<'a>(names: impl Iterator<Item = &'a EnvironmentName>, settings: &Settings) -> Vec<Row> {
    let mut rows: Vec<Row> = names.filter_map(|name| Row::new(name, settings)).collect();
    rows.sort_by(|a, b| (depth(&a.name, settings), &a.name).cmp(&(depth(&b.name, settings), &b.name)));
    rows.dedup_by(|a, b| a.name == b.name);
    let firsts: Vec<String> = rows.iter().map(|row| row.short.clone()).collect();
    for row in &mut rows {
        if firsts.iter().filter(|first| **first == row.short).count() > 1 {
            row.short.clone_from(&row.suffix);
        }
    }
    rows
}

/// Whether an environment comes, over others or at once, after one of production.
pub(crate) fn stands_by(name: &EnvironmentName, settings: &Settings) -> bool {
    let mut reached = vec![name];
    // A circle is refused when settings are read; the bound holds all the same.
    for _ in 0..settings.environments.len() {
        let before: Vec<&EnvironmentName> = reached
            .iter()
            .filter_map(|name| settings.environments.get(*name))
            .flat_map(|row| &row.after)
            .collect();
        let is_production = |name: &&EnvironmentName| {
            settings.environments.get(*name).is_some_and(|row| row.kind == EnvironmentKind::Production)
        };
        if before.iter().any(is_production) {
            return true;
        }
        reached = before;
        reached.sort_unstable();
        reached.dedup();
    }
    false
}

/// How many environments stand before one in the longest way.
fn depth(name: &EnvironmentName, settings: &Settings) -> usize {
    let mut depth = 0;
    let mut reached = vec![name];
    while depth <= settings.environments.len() {
        reached = reached
            .iter()
            .filter_map(|name| settings.environments.get(*name))
            .flat_map(|row| &row.after)
            .collect();
        reached.sort_unstable();
        reached.dedup();
        if reached.is_empty() {
            break;
        }
        depth += 1;
    }
    depth
}

fn first_part(name: &EnvironmentName) -> &str {
    name.as_str().split(['_', '-', '.', '/']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Settings;

    use super::{rows, stands_by};

    const TABLE: &str = r#"
[environment.stg_eu00]
kind = "staging"
suffix = "staging-eu"
[environment.stg_na03]
kind = "staging"
[environment.prod_eu00]
kind = "production"
after = ["stg_eu00"]
[environment.dr_us00]
after = ["prod_eu00"]
[environment.a]
suffix = "{environment}"
"#;

    #[test]
    fn rows_stand_in_the_order_of_environments() {
        let settings = Settings::parse(TABLE.as_bytes(), "x", &[]).expect("valid");
        let all = rows(settings.environments.keys(), &settings);
        let shown: Vec<String> = all
            .iter()
            .map(|row| row.fill("{environment} {suffix} {region} {short} {class} {before}"))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        a {environment} a a nonprod 
        stg_eu00 staging-eu eu staging-eu prod 
        stg_na03 stg-na03 na stg-na03 prod 
        prod_eu00 prod-eu00 eu prod prod stg_eu00
        dr_us00 dr-us00 us dr nonprod prod_eu00
        ");
        let by: Vec<&str> =
            all.iter().filter(|row| stands_by(&row.name, &settings)).map(|row| row.name.as_str()).collect();
        assert_eq!(by, ["dr_us00"]);
        assert_eq!(all.first().map(|row| row.fill("{x} {environment")).as_deref(), Some("{x} {environment"));
    }
}
