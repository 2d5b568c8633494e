//! Options declared once: flag, variables, key, default, help.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};
use landfall_artifacts::{Class, Problem};
use landfall_secret::Origin;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value; the name stands for it in the help.
    Value(&'static str),
    /// Values: the flag may be given several times.
    List(&'static str),
    /// Nothing: given or not given.
    Switch,
    /// A secret. It has no flag, because arguments are readable by every process of the machine.
    Secret,
    /// A value without a flag, in order.
    Positional(&'static str),
    /// All that stands after `--`, in order and as it is.
    Rest(&'static str),
}

/// An option: flag, variables, key in `landfall.toml`, default and help, declared once.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The name, which is also the flag without its dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Environment variables, the first that is set wins.
    pub variables: &'static [&'static str],
    /// The key in `landfall.toml`, dotted; `environment.` stands for the row of the run's environment.
    pub key: Option<&'static str>,
    /// The default as text.
    pub default: Option<&'static str>,
    /// One sentence without a full stop.
    pub help: &'static str,
    /// Whether it takes an address of which all but the host is a secret, such as that of a webhook.
    pub is_secret_address: bool,
}

impl Opt {
    const fn of(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, variables: &[], key: None, default: None, help, is_secret_address: false }
    }

    /// An option with a value.
    pub const fn value(name: &'static str, shown: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Value(shown), help)
    }

    /// An option with a value that may be given several times.
    pub const fn list(name: &'static str, shown: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::List(shown), help)
    }

    /// An option that is given or not.
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Switch, help)
    }

    /// A secret, from a variable alone.
    pub const fn secret(name: &'static str, variables: &'static [&'static str], help: &'static str) -> Self {
        Self::of(name, Kind::Secret, help).env(variables)
    }

    /// A value without a flag.
    pub const fn positional(name: &'static str, shown: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Positional(shown), help)
    }

    /// All that stands after `--`.
    pub const fn rest(name: &'static str, shown: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Rest(shown), help)
    }

    /// Adds the variables.
    pub const fn env(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }

    /// Adds the key in `landfall.toml`.
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds the default.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Says that whoever knows the address that it takes may write there: its path and query are secret.
    pub const fn secret_address(mut self) -> Self {
        self.is_secret_address = true;
        self
    }

    /// A value as people may see it: of an address without user and password, of one that is secret the scheme, host and port alone.
    pub fn shown_value(&self, text: &str) -> String {
        if self.is_secret_address {
            return Origin::parse(text).map_or_else(|_| "<redacted>".to_owned(), |origin| origin.to_string());
        }
        landfall_secret::user_info(text)
            .map_or_else(|| text.to_owned(), |_| landfall_secret::shown_address(text))
    }

    /// How the option is written, for messages: its flag, or its first variable.
    pub fn shown(&self) -> String {
        match self.kind {
            Kind::Value(_) | Kind::List(_) | Kind::Switch => format!("--{}", self.name),
            Kind::Positional(shown) => format!("<{shown}>"),
            Kind::Rest(shown) => format!("-- <{shown}>"),
            Kind::Secret => {
                self.variables.first().map_or_else(|| self.name.to_owned(), |name| format!("${name}"))
            }
        }
    }

    fn full_help(&self) -> String {
        let mut notes = Vec::new();
        if !self.variables.is_empty() {
            notes.push(format!("env: {}", self.variables.join(", ")));
        }
        if let Some(key) = self.key {
            notes.push(format!("landfall.toml: {key}"));
        }
        if let Some(default) = self.default {
            notes.push(format!("default: {default}"));
        }
        if notes.is_empty() { self.help.to_owned() } else { format!("{} [{}]", self.help, notes.join("; ")) }
    }
}

/// What the arguments said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Values by option name; a switch that was given is `"true"`, and several values of one option stand on a line each.
    Values(BTreeMap<&'static str, String>),
    /// Help or version was asked for: the text to print.
    Print(String),
}

/// The command line of a stage, made from its options.
pub fn command(name: &'static str, summary: &'static str, options: &[Opt]) -> Command {
    let mut secrets = String::new();
    let mut command = Command::new(name)
        .about(summary)
        .version(env!("CARGO_PKG_VERSION"))
        .max_term_width(110)
        .disable_help_subcommand(true)
        // A stage may have a version of its own to be told.
        .disable_version_flag(options.iter().any(|option| option.name == "version"))
        .arg_required_else_help(false);
    for option in options {
        let arg = Arg::new(option.name).help(option.full_help());
        match option.kind {
            Kind::Value(shown) => {
                command = command.arg(arg.long(option.name).value_name(shown).action(ArgAction::Set));
            }
            Kind::List(shown) => {
                command = command.arg(arg.long(option.name).value_name(shown).action(ArgAction::Append));
            }
            Kind::Switch => command = command.arg(arg.long(option.name).action(ArgAction::SetTrue)),
            Kind::Positional(shown) => command = command.arg(arg.value_name(shown).action(ArgAction::Set)),
            Kind::Rest(shown) => {
                command =
                    command.arg(arg.value_name(shown).num_args(0..).last(true).action(ArgAction::Append));
            }
            Kind::Secret => {
                secrets.push_str(&format!("  {:<24} {}\n", option.variables.join(", "), option.help));
            }
        }
    }
    let mut after = String::new();
    if !secrets.is_empty() {
        after.push_str(&format!("Secrets, from the environment alone:\n{secrets}\n"));
    }
    after.push_str(&crate::exit::help());
    command.after_help(after)
}

/// Parses arguments, the program's name not among them.
///
/// # Errors
/// A problem of class input, in the words of the parser.
pub fn parse(command: Command, options: &[Opt], arguments: &[String]) -> Result<Parsed, Problem> {
    let name = command.get_name().to_owned();
    let all = std::iter::once(name.clone()).chain(arguments.iter().cloned());
    let matches = match command.try_get_matches_from(all) {
        Ok(matches) => matches,
        Err(error) => {
            return match error.kind() {
                clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
                    Ok(Parsed::Print(error.render().to_string()))
                }
                _ => Err(usage(&name, &error)),
            };
        }
    };
    Ok(Parsed::Values(collect(&matches, options)))
}

fn collect(matches: &ArgMatches, options: &[Opt]) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::new();
    for option in options {
        let value = match option.kind {
            Kind::Switch => matches.get_flag(option.name).then(|| "true".to_owned()),
            Kind::Value(_) | Kind::Positional(_) => matches.get_one::<String>(option.name).cloned(),
            // No line break may stand in a value, so one keeps them apart.
            Kind::List(_) => matches
                .get_many::<String>(option.name)
                .map(|all| all.map(|one| one.replace('\n', " ")).collect::<Vec<_>>().join("\n")),
            // No NUL may stand in an argument, and anything else may.
            Kind::Rest(_) => matches
                .get_many::<String>(option.name)
                .map(|all| all.map(String::as_str).collect::<Vec<_>>().join("\0")),
            Kind::Secret => None,
        };
        if let Some(value) = value {
            values.insert(option.name, value);
        }
    }
    values
}

fn usage(name: &str, error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let tip = text.lines().map(str::trim).find_map(|line| line.strip_prefix("tip: "));
    let remedy = match tip {
        Some(tip) => format!("{tip}; `{name} --help` lists all options"),
        None => format!("`{name} --help` lists all options"),
    };
    let what = landfall_secret::escape(first.trim_start_matches("error: "), 300);
    Problem::new("LF-USAGE", Class::Input, what).with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::Opt;

    #[test]
    fn of_an_address_that_is_secret_the_host_alone_is_shown() {
        let plain = Opt::value("url", "URL", "an address");
        let secret = plain.secret_address();
        let address = "https://hooks.example.com:8443/T0/canary?key=canary#canary";
        assert_eq!(plain.shown_value(address), address);
        assert_eq!(plain.shown_value("https://ada:canary@example.com/x"), "https://<redacted>@example.com/x");
        assert_eq!(secret.shown_value(address), "https://hooks.example.com:8443");
        for odd in ["canary", "https://ada:canary@example.com/x", "ftp://canary"] {
            assert!(!secret.shown_value(odd).contains("canary"), "{odd}");
        }
    }
}
