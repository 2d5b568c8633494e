//! What `landfall.toml` is to say, each value with where it comes from.

use landfall_artifacts::Settings;

/// A value of `landfall.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The table, step by step; empty for the root.
    pub(super) table: Vec<String>,
    pub(super) key: &'static str,
    pub(super) value: Value,
    /// Where it was seen, or what it is for.
    pub(super) why: String,
    /// Whether a person said it, so that it is not dropped where it is no good.
    pub(super) is_said: bool,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    /// Programs with their arguments.
    Commands(Vec<Vec<String>>),
    Truth(bool),
    /// It is to be filled in: what is wanted.
    Blank(String),
}

impl Choice {
    pub(super) fn new(table: &[&str], key: &'static str, value: Value, why: impl Into<String>) -> Self {
        let table = table.iter().map(|step| (*step).to_owned()).collect();
        Self { table, key, value, why: why.into(), is_said: false }
    }

    /// The key with all of its steps, as `--set` takes it.
    pub(super) fn path(&self) -> String {
        self.table.iter().map(String::as_str).chain([self.key]).collect::<Vec<_>>().join(".")
    }

    /// The same as a JSON pointer, as problems of a file have it.
    pub(super) fn pointer(&self) -> String {
        let step = |step: &str| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        self.table.iter().map(String::as_str).chain([self.key]).map(step).collect()
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.value, Value::Blank(_))
    }
}

/// The file. Choices of one table stand together already.
pub(super) fn text(choices: &[Choice]) -> String {
    let mut text = String::from(
        "# Landfall's settings of this repo. Written by `landfall init`, and yours from now on: it is not written again.\n# Behind each value stands where it comes from.\n",
    );
    let mut table: &[String] = &[];
    for choice in choices {
        if choice.table != table {
            table = &choice.table;
            let steps: Vec<String> = table.iter().map(|step| bare_or_quoted(step)).collect();
            text.push_str(&format!("\n[{}]\n", steps.join(".")));
        }
        let why = landfall_secret::escape(&choice.why, 300);
        text.push_str(&format!("{} = {}", choice.key, shown(&choice.value)));
        text.push_str(&if why.is_empty() { "\n".to_owned() } else { format!(" # {why}\n") });
    }
    text
}

/// The value as TOML has it.
pub(super) fn shown(value: &Value) -> String {
    let list = |texts: &[String]| {
        format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
    };
    match value {
        Value::Text(text) => quoted(text),
        Value::Texts(texts) => list(texts),
        Value::Commands(commands) => {
            format!("[{}]", commands.iter().map(|words| list(words)).collect::<Vec<_>>().join(", "))
        }
        Value::Truth(truth) => truth.to_string(),
        Value::Blank(wanted) => quoted(&format!("{}{wanted}", Settings::BLANK)),
    }
}

fn bare_or_quoted(step: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !step.is_empty() && step.bytes().all(is_bare) { step.to_owned() } else { quoted(step) }
}

/// A text in the form of TOML that has escapes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Settings;

    use super::{Choice, Value, text};

    #[test]
    fn hostile_texts_stay_texts() {
        let hostile = "a\" ]\\ # ''' \"\"\" \\n \u{e9}";
        let choices = [
            Choice::new(&[], "image_namespace", Value::Text(hostile.to_owned()), "in x\ny = 1"),
            Choice::new(&["environment", "a.b/c"], "suffix", Value::Text("s".to_owned()), ""),
        ];
        let text = text(&choices);
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        assert_eq!(settings.image_namespace.as_deref(), Some(hostile));
        assert_eq!(
            settings.environments.keys().map(landfall_artifacts::EnvironmentName::as_str).collect::<Vec<_>>(),
            ["a.b/c"]
        );
    }
}
