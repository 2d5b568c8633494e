//! Reading rendered files as another program does.

use std::path::{Path, PathBuf};

use granit_parser::{Event, Parser};
use landfall_artifacts::Settings;
use landfall_pipeline::{Pipeline, Pipelines};
use serde_json::{Map, Value};

/// The folders of `docs/ci`.
pub(crate) const EXAMPLES: [&str; 3] = ["lambda", "immutable-release", "infrastructure"];

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ci").join(name)
}

/// The settings and the pipelines of a `landfall.toml`.
pub(crate) fn read(text: &str) -> (Settings, Vec<Pipeline>) {
    let settings =
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).unwrap_or_else(|errors| panic!("{errors}"));
    let pipelines = Pipelines::new(&settings, text).for_ci().unwrap_or_else(|errors| panic!("{errors}"));
    (settings, pipelines)
}

/// The settings and the pipelines of an example.
pub(crate) fn of_example(name: &str) -> (Settings, Vec<Pipeline>) {
    read(&std::fs::read_to_string(example(name).join("landfall.toml")).expect("the example"))
}

/// A document of YAML as JSON, by a reader that shares nothing with our writer. No key stands twice, and there are no anchors.
pub(crate) fn yaml(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.expect("YAML").0).filter(|event| {
        !matches!(
            event,
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd
        )
    });
    let first = events.next().expect("a document");
    value(first, &mut events)
}

fn value<'e>(event: Event<'e>, events: &mut impl Iterator<Item = Event<'e>>) -> Value {
    match event {
        Event::Scalar(text, style, ..) if format!("{style:?}") == "Plain" => match text.as_ref() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => number.parse::<u64>().map_or_else(|_| Value::String(number.to_owned()), Value::from),
        },
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().expect("an end") {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                match events.next().expect("an end") {
                    Event::MappingEnd => return Value::Object(map),
                    Event::Scalar(key, ..) => {
                        let event = events.next().expect("a value");
                        let value = value(event, events);
                        assert!(map.insert(key.clone().into_owned(), value).is_none(), "{key} stands twice");
                    }
                    other => panic!("{other:?} is no key"),
                }
            }
        }
        other => panic!("{other:?} is not expected"),
    }
}

/// A published schema, where `LANDFALL_SPECS` names the folder that has it.
pub(crate) fn schema(file: &str) -> Option<jsonschema::Validator> {
    let Some(folder) = std::env::var_os("LANDFALL_SPECS").map(PathBuf::from) else {
        println!("skipped: LANDFALL_SPECS not set");
        return None;
    };
    let text = std::fs::read(folder.join(file)).expect("the schema");
    let schema: Value = serde_json::from_slice(&text).expect("JSON");
    Some(jsonschema::validator_for(&schema).expect("a usable schema"))
}

/// Everything that a schema has against a file.
pub(crate) fn faults(schema: &jsonschema::Validator, value: &Value) -> Vec<String> {
    schema
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()).chars().take(400).collect())
        .collect()
}
