//! Values from flag, environment, `landfall.toml` and default, in that order, each with where it came from.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use landfall_artifacts::{Class, Problem};
use landfall_secret::Secret;

use crate::{Environment, Kind, Opt};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag,
    /// This environment variable.
    Variable(String),
    /// This key of `landfall.toml`.
    File(String),
    /// The option's default.
    Default,
}

/// The layers that values are looked for in.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// What the arguments said, by option name.
    pub flags: BTreeMap<&'static str, String>,
    /// The environment.
    pub environment: Environment,
    /// What `landfall.toml` says, by dotted key; `environment.` stands for the row of the run's environment.
    pub file: BTreeMap<String, String>,
}

/// The values of a stage's options. Asking never fails: problems are collected, and [`Values::finish`] gives all of them.
#[derive(Debug)]
pub struct Values<'a> {
    options: &'a [Opt],
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl<'a> Values<'a> {
    /// Values of these options from these layers.
    pub fn new(options: &'a [Opt], layers: &'a Layers) -> Self {
        Self { options, layers, problems: Vec::new() }
    }

    /// An optional value with its source.
    pub fn sourced(&self, name: &str) -> Option<(String, Source)> {
        let option = self.options.iter().find(|option| option.name == name);
        debug_assert!(option.is_some(), "option {name} is not declared");
        let option = option?;
        if let Some(value) = self.layers.flags.get(option.name) {
            return Some((value.clone(), Source::Flag));
        }
        for variable in option.variables {
            if let Some(value) = self.layers.environment.get(variable) {
                return Some((value.trim().to_owned(), Source::Variable((*variable).to_owned())));
            }
        }
        if let Some((key, value)) = option.key.and_then(|key| Some((key, self.layers.file.get(key)?))) {
            return Some((value.clone(), Source::File(key.to_owned())));
        }
        option.default.map(|value| (value.to_owned(), Source::Default))
    }

    /// An optional text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.sourced(name).map(|(value, _)| value)
    }

    /// All values of an option that may be given several times, in their order.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The words after `--`, in their order.
    pub fn rest(&self, name: &str) -> Vec<String> {
        let text = self.layers.flags.get(name).filter(|text| !text.is_empty());
        text.map(|text| text.split('\0').map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Whether a switch is on. A variable or key switches it on by `true`, `1` or `yes`.
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes"))
    }

    /// An optional value of a type; a text that is not one is a problem.
    pub fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let (text, source) = self.sourced(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(cause) => {
                let what = format!("{} cannot be used: {cause}", self.place(name, &source));
                self.odd(name, &what);
                None
            }
        }
    }

    /// A text that must be there; a missing one is a problem that names all ways to give it.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.text(name);
        if value.is_none() {
            self.missing(name);
        }
        value
    }

    /// A value of a type that must be there.
    pub fn required_parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if self.sourced(name).is_none() {
            self.missing(name);
            return None;
        }
        self.parsed(name)
    }

    /// A secret, where it is set.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        let option = self.options.iter().find(|option| option.name == name && option.kind == Kind::Secret)?;
        let value = option.variables.iter().find_map(|variable| self.layers.environment.get(variable))?;
        Some(Secret::new(value.trim_end_matches(['\r', '\n'])))
    }

    /// A secret that must be set.
    pub fn required_secret(&mut self, name: &str) -> Option<Secret> {
        let secret = self.secret(name);
        if secret.is_none() {
            self.missing(name);
        }
        secret
    }

    /// A duration such as `90s`, `15m`, `1h` or plain seconds.
    pub fn duration(&mut self, name: &str) -> Option<std::time::Duration> {
        let (text, source) = self.sourced(name)?;
        let parsed = parse_duration(&text);
        if parsed.is_none() {
            let what = format!(
                "{} is not a duration: expected a number with s, m or h, such as 15m",
                self.place(name, &source)
            );
            self.odd(name, &what);
        }
        parsed
    }

    /// Notes a problem with the configuration.
    pub fn problem(&mut self, code: &str, what: &str, remedy: Option<String>) {
        let mut problem = Problem::new(code, Class::Input, what);
        problem.remedy = remedy;
        self.problems.push(problem);
    }

    /// Gives all problems that were found.
    ///
    /// # Errors
    /// All of them, where there is one.
    pub fn finish(self) -> Result<(), Vec<Problem>> {
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }

    /// Notes that a value is there and cannot be used.
    fn odd(&mut self, name: &str, what: &str) {
        let option = self.options.iter().find(|option| option.name == name);
        self.problem(
            "LF-CONFIG",
            what,
            option.map(|option| format!("correct it: {}; give it by {}", option.help, ways(option))),
        );
    }

    fn missing(&mut self, name: &str) {
        let Some(option) = self.options.iter().find(|option| option.name == name) else { return };
        let ways = ways(option);
        let what = format!("{} is missing: {}", option.name, option.help);
        self.problem("LF-CONFIG-MISSING", &what, Some(format!("give it by {ways}")));
    }

    fn place(&self, name: &str, source: &Source) -> String {
        let value = self.text(name).unwrap_or_default();
        let option = self.options.iter().find(|option| option.name == name);
        let shown = match option {
            Some(option) if option.kind == Kind::Secret => "<redacted>".to_owned(),
            Some(option) => landfall_secret::escape(&option.shown_value(&value), 120),
            None => landfall_secret::escape(&value, 120),
        };
        match source {
            Source::Flag | Source::Default => format!("--{name} `{shown}`"),
            Source::Variable(variable) => format!("the variable {variable} `{shown}`"),
            Source::File(key) => format!("{key} in landfall.toml `{shown}`"),
        }
    }
}

/// All ways to give an option's value.
fn ways(option: &Opt) -> String {
    let mut ways = Vec::new();
    match option.kind {
        Kind::Value(_) | Kind::List(_) | Kind::Switch | Kind::Positional(_) | Kind::Rest(_) => {
            ways.push(option.shown());
        }
        Kind::Secret => {}
    }
    if !option.variables.is_empty() {
        ways.push(format!("the variable {}", option.variables.join(" or ")));
    }
    if let Some(key) = option.key {
        ways.push(format!("{key} in landfall.toml"));
    }
    ways.join(", or ")
}

fn parse_duration(text: &str) -> Option<std::time::Duration> {
    let text = text.trim();
    let (number, factor) = match text.char_indices().next_back()? {
        (at, 's') => (text.get(..at)?, 1),
        (at, 'm') => (text.get(..at)?, 60),
        (at, 'h') => (text.get(..at)?, 3600),
        _ => (text, 1),
    };
    let seconds = number.trim().parse::<u64>().ok()?.checked_mul(factor)?;
    // A year is longer than any pipeline; larger numbers are slips.
    (seconds <= 366 * 24 * 3600).then(|| std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::{Layers, Source, Values, parse_duration};
    use crate::{Environment, Opt};

    const OPTIONS: [Opt; 2] = [
        Opt::value("region", "REGION", "the AWS region")
            .env(&["AWS_REGION", "AWS_DEFAULT_REGION"])
            .key("environment.aws_region"),
        Opt::value("jobs", "N", "how many at a time").default("4"),
    ];

    fn layers(flag: Option<&str>, variable: Option<&str>, file: Option<&str>) -> Layers {
        Layers {
            flags: flag.map(|value| ("region", value.to_owned())).into_iter().collect(),
            environment: variable
                .map(|value| ("AWS_REGION".to_owned(), value.to_owned()))
                .into_iter()
                .collect::<Environment>(),
            file: file
                .map(|value| ("environment.aws_region".to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn flag_then_variable_then_file_then_default() {
        let source = |layers: &Layers| Values::new(&OPTIONS, layers).sourced("region");
        let text = |value: &str| value.to_owned();
        assert_eq!(source(&layers(Some("a"), Some("b"), Some("c"))), Some((text("a"), Source::Flag)));
        assert_eq!(
            source(&layers(None, Some("b"), Some("c"))),
            Some((text("b"), Source::Variable(text("AWS_REGION"))))
        );
        assert_eq!(
            source(&layers(None, Some(""), Some("c"))),
            Some((text("c"), Source::File(text("environment.aws_region"))))
        );
        assert_eq!(source(&layers(None, None, None)), None);
        assert_eq!(
            Values::new(&OPTIONS, &Layers::default()).sourced("jobs"),
            Some((text("4"), Source::Default))
        );
    }

    #[test]
    fn what_is_missing_or_odd_is_said_at_once() {
        let odd = Layers { flags: [("jobs", "many".to_owned())].into_iter().collect(), ..Layers::default() };
        let mut values = Values::new(&OPTIONS, &odd);
        assert_eq!(values.required("region"), None);
        assert_eq!(values.parsed::<u8>("jobs"), None);
        let problems = values.finish().expect_err("two problems");
        let shown: Vec<_> =
            problems.iter().map(|problem| format!("{} / {:?}", problem.what, problem.remedy)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        region is missing: the AWS region / Some("give it by --region, or the variable AWS_REGION or AWS_DEFAULT_REGION, or environment.aws_region in landfall.toml")
        --jobs `many` cannot be used: invalid digit found in string / Some("correct it: how many at a time; give it by --jobs")
        "#);
    }

    #[test]
    fn durations_have_units() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(
            [seconds("90s"), seconds("15m"), seconds("1h"), seconds("30")],
            [Some(90), Some(900), Some(3600), Some(30)]
        );
        assert_eq!([seconds(""), seconds("-1s"), seconds("1d"), seconds("99999999999h")], [None; 4]);
    }
}
