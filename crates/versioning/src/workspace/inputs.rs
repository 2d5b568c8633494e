//! Named inputs: which files of a project count for itself, and which for those that depend on it.
//!
//! Source: Nx documentation, "Inputs and Named Inputs". Rules of files are those of Nx: of the rules for one folder a file must
//! fit one that includes, if there is any, and none that excludes; the order does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::glob::Pattern;

/// Named inputs by name.
pub(crate) type Named = BTreeMap<String, Value>;

/// How a path fits a set of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It is not in the set.
    No,
    /// It may be: a rule is not understood.
    Perhaps,
    /// It is in the set.
    Yes,
}

/// Rules for the files below one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The rules as they were written, by which equal sets are told.
    texts: BTreeSet<String>,
    including: Vec<Arc<Pattern>>,
    excluding: Vec<Arc<Pattern>>,
    /// A rule that is not understood, so that whatever the others exclude may be in the set.
    unsure: bool,
}

impl Rules {
    /// All files.
    pub(crate) fn everything() -> Self {
        let mut rules = Self::default();
        rules.add(false, "**/*", &mut Patterns::default());
        rules
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && !self.unsure
    }

    /// The rules as they were written.
    pub(crate) fn texts(&self) -> &BTreeSet<String> {
        &self.texts
    }

    /// How a path below the folder fits.
    pub(crate) fn fit(&self, path: &str) -> Fit {
        let is_included = if self.including.is_empty() {
            !self.excluding.is_empty()
        } else {
            self.including.iter().any(|pattern| pattern.matches(path))
        };
        if is_included && !self.excluding.iter().any(|pattern| pattern.matches(path)) {
            Fit::Yes
        } else if self.unsure {
            Fit::Perhaps
        } else {
            Fit::No
        }
    }

    /// Adds a rule, which includes or excludes; `false` where it is not understood.
    fn add(&mut self, excludes: bool, rule: &str, patterns: &mut Patterns) -> bool {
        let is_new = self.texts.insert(format!("{}{rule}", if excludes { "not " } else { "" }));
        let Some(pattern) = patterns.get(excludes, rule) else {
            self.unsure = true;
            return false;
        };
        if is_new {
            let list = if excludes { &mut self.excluding } else { &mut self.including };
            list.push(pattern);
        }
        true
    }
}

/// Patterns that were made, so that the same text is made once.
#[derive(Debug, Default)]
pub(crate) struct Patterns(BTreeMap<(bool, String), Option<Arc<Pattern>>>);

impl Patterns {
    fn get(&mut self, excludes: bool, rule: &str) -> Option<Arc<Pattern>> {
        // A folder's name stands for what is in it where that adds files, never where it takes them away.
        let make = || if excludes { Pattern::new(rule) } else { Pattern::or_below(rule) };
        self.0.entry((excludes, rule.to_owned())).or_insert_with(|| make().ok().map(Arc::new)).clone()
    }
}

/// What a list of inputs comes to for one project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expanded {
    /// Rules for the project's own files, relative to its folder.
    pub(crate) own: Rules,
    /// Rules for files anywhere in the workspace.
    pub(crate) workspace: Rules,
    /// Inputs of its dependencies that count: what follows a `^`.
    pub(crate) of_dependencies: BTreeSet<String>,
    /// Other projects whose files count, as they were named.
    pub(crate) projects: Vec<String>,
    /// Packages that count.
    pub(crate) packages: BTreeSet<String>,
    /// What is not understood, a sentence each.
    pub(crate) unsure: Vec<String>,
}

/// The input that Nx takes where none is named, and where it is not defined.
pub(crate) const DEFAULT: &str = "default";

/// Works out a list of inputs. `named` are those of the workspace with the project's own over them.
pub(crate) fn expand(list: &[Value], named: &Named, patterns: &mut Patterns) -> Expanded {
    let mut expansion = Expansion { named, patterns, under_way: Vec::new(), expanded: Expanded::default() };
    for input in list {
        expansion.input(input);
    }
    expansion.expanded
}

struct Expansion<'a> {
    named: &'a Named,
    patterns: &'a mut Patterns,
    /// Names that are being worked out, innermost last.
    under_way: Vec<String>,
    expanded: Expanded,
}

impl Expansion<'_> {
    fn input(&mut self, input: &Value) {
        match input {
            Value::String(text) => self.text(text),
            Value::Object(object) => self.object(object),
            other => self.unsure(format!("the input {} is none that Nx has", shown(other))),
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(rest) = text.strip_prefix('^') {
            self.expanded.of_dependencies.insert(rest.to_owned());
            return;
        }
        let (excludes, bare) = match text.strip_prefix('!') {
            Some(bare) => (true, bare),
            None => (false, text),
        };
        let understood = if let Some(rule) = bare.strip_prefix("{projectRoot}") {
            self.expanded.own.add(excludes, below(rule), self.patterns)
        } else if let Some(rule) = bare.strip_prefix("{workspaceRoot}") {
            self.expanded.workspace.add(excludes, below(rule), self.patterns)
        } else if !excludes {
            return self.name(bare);
        } else {
            false
        };
        if !understood {
            self.expanded.own.unsure = true;
            self.unsure(format!("the input `{text}` is not understood"));
        }
    }

    fn name(&mut self, name: &str) {
        if self.under_way.iter().any(|outer| outer == name) || self.under_way.len() > 32 {
            return self.unsure(format!("the named input {name} is made of itself"));
        }
        let Some(definition) = self.named.get(name) else {
            // Nx has this one without a definition.
            if name == DEFAULT {
                self.expanded.own.add(false, "**/*", self.patterns);
            } else {
                self.expanded.own.unsure = true;
                self.unsure(format!("the input `{name}` is defined nowhere"));
            }
            return;
        };
        let Value::Array(list) = definition else {
            self.expanded.own.unsure = true;
            return self.unsure(format!("the named input {name} is no list"));
        };
        self.under_way.push(name.to_owned());
        for input in list {
            self.input(input);
        }
        self.under_way.pop();
    }

    fn object(&mut self, object: &serde_json::Map<String, Value>) {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        if let Some(fileset) = text("fileset") {
            return self.text(fileset);
        }
        if let Some(input) = text("input") {
            let is_of_dependencies = object.get("dependencies") == Some(&Value::Bool(true))
                || text("projects") == Some("dependencies");
            return match object.get("projects") {
                _ if is_of_dependencies => {
                    self.expanded.of_dependencies.insert(input.to_owned());
                }
                Some(Value::String(one)) if one != "self" => self.expanded.projects.push(one.clone()),
                Some(Value::Array(many)) => {
                    let names = many.iter().filter_map(Value::as_str);
                    self.expanded.projects.extend(names.map(str::to_owned));
                }
                _ => self.text(input),
            };
        }
        if let Some(Value::Array(packages)) = object.get("externalDependencies") {
            let names = packages.iter().filter_map(Value::as_str);
            self.expanded.packages.extend(names.map(str::to_owned));
            return;
        }
        // What a program prints, what a variable holds and what another task wrote is not seen in a commit.
        let kinds = ["runtime", "env", "dependentTasksOutputFiles", "workingDirectory"];
        if let Some((kind, value)) = kinds.into_iter().find_map(|kind| Some((kind, object.get(kind)?))) {
            let value = shown(value);
            self.unsure(format!("the input {kind} {value} is not looked at: commits do not show it"));
        } else {
            self.expanded.own.unsure = true;
            let input = Value::Object(object.clone());
            self.unsure(format!("the input {} is not understood", shown(&input)));
        }
    }

    fn unsure(&mut self, what: String) {
        if self.expanded.unsure.len() < 20 && !self.expanded.unsure.contains(&what) {
            self.expanded.unsure.push(what);
        }
    }
}

/// A rule as it is below the folder that it begins with.
fn below(rule: &str) -> &str {
    match rule.trim_start_matches('/') {
        "" => "**/*",
        rule => rule,
    }
}

fn shown(value: &Value) -> String {
    landfall_secret::escape(&value.to_string(), 80)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Expanded, Fit, Named, Patterns, expand};

    fn expanded(list: serde_json::Value, named: serde_json::Value) -> Expanded {
        let named: Named = named.as_object().expect("an object").clone().into_iter().collect();
        expand(list.as_array().expect("a list"), &named, &mut Patterns::default())
    }

    #[test]
    fn what_nx_writes_by_default() {
        let named = json!({
            "default": ["{projectRoot}/**/*", "sharedGlobals"],
            "production": ["default", "!{projectRoot}/**/?(*.)+(spec|test).[jt]s?(x)?(.snap)", "!{projectRoot}/README.md"],
            "sharedGlobals": ["{workspaceRoot}/babel.config.json", "{workspaceRoot}/tools/build"],
        });
        let inputs = expanded(json!(["production", "^production"]), named);
        assert_eq!(inputs.own.fit("src/main.ts"), Fit::Yes);
        assert_eq!(inputs.own.fit("src/main.spec.ts"), Fit::No);
        assert_eq!(inputs.own.fit("README.md"), Fit::No);
        assert_eq!(inputs.workspace.fit("babel.config.json"), Fit::Yes);
        assert_eq!(inputs.workspace.fit("tools/build/x.js"), Fit::Yes);
        assert_eq!(inputs.workspace.fit("README.md"), Fit::No);
        assert_eq!(inputs.of_dependencies.into_iter().collect::<Vec<_>>(), ["production"]);
        assert!(inputs.unsure.is_empty());
    }

    #[test]
    fn other_kinds_of_inputs() {
        let inputs = expanded(
            json!([
                { "fileset": "{projectRoot}/src/**/*" },
                { "input": "production", "dependencies": true },
                { "input": "production", "projects": ["tools", "assets"] },
                { "externalDependencies": ["esbuild"] },
                { "runtime": "node --version" },
                { "env": "NODE_ENV" },
            ]),
            json!({}),
        );
        assert_eq!((inputs.own.fit("src/a.ts"), inputs.own.fit("a.ts")), (Fit::Yes, Fit::No));
        assert_eq!(inputs.projects, ["tools", "assets"]);
        assert!(inputs.of_dependencies.contains("production") && inputs.packages.contains("esbuild"));
        insta::assert_snapshot!(inputs.unsure.join("\n"), @r#"
        the input runtime "node --version" is not looked at: commits do not show it
        the input env "NODE_ENV" is not looked at: commits do not show it
        "#);
    }

    #[test]
    fn what_is_not_understood_counts_perhaps() {
        for (list, named) in [
            (json!(["{projectRoot}/src/*", "{projectRoot}/!(a)"]), json!({})),
            (json!(["nowhere"]), json!({})),
            (json!(["a"]), json!({"a": "{projectRoot}/src"})),
            (json!([{ "newKind": 1 }]), json!({})),
            (json!(["!src/**"]), json!({})),
        ] {
            let inputs = expanded(list, named);
            assert_eq!((inputs.own.fit("b"), inputs.unsure.len()), (Fit::Perhaps, 1), "{inputs:?}");
        }
        // Names that are made of each other end.
        let inputs = expanded(json!(["a"]), json!({"a": ["b", "{projectRoot}/x"], "b": ["a"]}));
        assert_eq!((inputs.own.fit("x"), inputs.unsure.len()), (Fit::Yes, 1));
    }

    #[test]
    fn rules_that_exclude_alone_leave_the_rest() {
        let inputs = expanded(json!(["!{projectRoot}/docs/**"]), json!({}));
        assert_eq!((inputs.own.fit("a"), inputs.own.fit("docs/a")), (Fit::Yes, Fit::No));
        assert!(expanded(json!([]), json!({})).own.is_empty());
    }
}
