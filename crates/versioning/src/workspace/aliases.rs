//! Path aliases of `tsconfig`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Source, join, normalized};

/// Aliases in the order in which TypeScript prefers them: a whole name first, then the longest beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases {
    whole: BTreeMap<String, Vec<String>>,
    /// Beginning, end, the alias as it is written, and its targets.
    with_star: Vec<(String, String, String, Vec<String>)>,
}

/// A `tsconfig` with what it extends.
#[derive(Clone, Debug, Default)]
pub(crate) struct TsConfig {
    /// The aliases that hold there.
    pub(crate) aliases: Aliases,
    /// The file and all that it extends, as far as they are in the workspace.
    pub(crate) files: Vec<String>,
}

/// Most files that extend each other.
const MOST_EXTENDED: usize = 16;

impl TsConfig {
    /// Reads a file and what it extends; nothing where it is not there. Packages that are extended are passed over.
    pub(crate) fn read(
        source: &mut Source<'_>,
        path: &str,
        cache: &mut BTreeMap<String, Map<String, Value>>,
    ) -> Self {
        let mut config = Self::default();
        let mut next = vec![path.to_owned()];
        let mut has_paths = false;
        while let Some(path) = next.pop() {
            if config.files.contains(&path) || config.files.len() >= MOST_EXTENDED || !source.has(&path) {
                continue;
            }
            if !cache.contains_key(&path) {
                let object = source.object(&path);
                cache.insert(path.clone(), object);
            }
            let Some(object) = cache.get(&path) else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let options = object.get("compilerOptions").and_then(Value::as_object);
            // The nearest `paths` counts alone.
            if let Some(paths) = options.and_then(|options| options.get("paths")).and_then(Value::as_object)
                && !has_paths
            {
                let base =
                    options.and_then(|options| options.get("baseUrl")).and_then(Value::as_str).unwrap_or(".");
                config.aliases = Aliases::new(paths, &join(&folder, base));
                has_paths = true;
            }
            let extended: Vec<&str> = match object.get("extends") {
                Some(Value::String(one)) => vec![one],
                Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for one in extended.into_iter().filter(|one| one.starts_with('.')) {
                if let Some(target) = normalized(&join(&folder, one)) {
                    let with_ending =
                        if target.ends_with(".json") { target } else { format!("{target}.json") };
                    next.push(with_ending);
                }
            }
            config.files.push(path);
        }
        config
    }
}

impl Aliases {
    /// `imports` of a `package.json` in the root, as far as they lead to files: names that begin with `#`, for all below that have
    /// no `package.json` of their own.
    pub(crate) fn of_imports(package: &Map<String, Value>) -> Self {
        let imports = package.get("imports").and_then(Value::as_object);
        let lists = imports.into_iter().flatten().map(|(name, target)| {
            let mut found = Vec::new();
            let mut next = vec![target];
            while let Some(value) = next.pop() {
                match value {
                    Value::String(path) if path.starts_with("./") => found.push(value.clone()),
                    Value::Array(many) => next.extend(many),
                    Value::Object(conditions) => next.extend(conditions.values()),
                    Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
                }
            }
            (name.clone(), Value::Array(found))
        });
        Self::new(&lists.collect(), "")
    }

    fn new(paths: &Map<String, Value>, base: &str) -> Self {
        let mut aliases = Self::default();
        for (alias, targets) in paths {
            let targets: Vec<String> = targets
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .filter_map(|target| normalized(&join(base, target)))
                .collect();
            match alias.split_once('*') {
                Some((start, end)) => {
                    aliases.with_star.push((start.to_owned(), end.to_owned(), alias.clone(), targets));
                }
                None => {
                    aliases.whole.insert(alias.clone(), targets);
                }
            }
        }
        aliases.with_star.sort_by_key(|(start, ..)| std::cmp::Reverse(start.len()));
        aliases
    }

    /// The alias that stands for what is imported, and the paths that it leads to, in order.
    pub(crate) fn resolve(&self, specifier: &str) -> Option<(&str, Vec<String>)> {
        if let Some((alias, targets)) = self.whole.get_key_value(specifier) {
            return Some((alias, targets.clone()));
        }
        self.with_star.iter().find_map(|(start, end, alias, targets)| {
            let star = specifier.strip_prefix(start.as_str())?.strip_suffix(end.as_str())?;
            let paths = targets.iter().filter_map(|target| normalized(&target.replacen('*', star, 1)));
            Some((alias.as_str(), paths.collect()))
        })
    }
}
