//! `yarn.lock`, of yarn 1 and of berry.
//!
//! Both are lines of `key: value` or `key value` below each other by two spaces, of which berry's is a small part of YAML; yarn
//! itself reads both by one grammar. A general reader of YAML would bring much and read v1 not at all.

use std::collections::BTreeSet;

use super::{Lock, Locked, Unread};

/// One package as the file has it.
#[derive(Default)]
struct Entry {
    keys: Vec<String>,
    version: String,
    content: String,
    /// Name and range of what it depends on.
    needs: Vec<(String, String)>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Lock, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::Broken("it is not UTF-8".to_owned()))?;
    let mut lock = Lock::default();
    let mut waiting = Vec::new();
    let entries = entries(text)?;
    Lock::bound(entries.len())?;
    for entry in entries {
        let Some(name) = entry.keys.first().and_then(|key| name_of(key)).map(str::to_owned) else { continue };
        let at = lock.add(Locked { name, version: entry.version, content: entry.content, needs: Vec::new() });
        for key in entry.keys {
            lock.keys.insert(key, at);
        }
        waiting.push((at, entry.needs));
    }
    for (at, needs) in waiting {
        let mut places = Vec::new();
        for (name, range) in needs {
            places.extend(lock.resolve("", &name, Some(&range)).0);
        }
        if let Some(package) = lock.packages.get_mut(at) {
            package.needs = places;
        }
    }
    Ok(lock)
}

/// The keys under which a dependency may stand.
pub(super) fn keys(name: &str, range: Option<&str>) -> Vec<String> {
    // Berry puts the protocol before a range that has none.
    range.map(|range| vec![format!("{name}@{range}"), format!("{name}@npm:{range}")]).unwrap_or_default()
}

/// The name before the range: `@a/b` of `@a/b@npm:^1.0.0`.
fn name_of(key: &str) -> Option<&str> {
    let scope = usize::from(key.starts_with('@'));
    let at = key.get(scope..)?.find('@')? + scope;
    key.get(..at).filter(|name| !name.is_empty())
}

fn entries(text: &str) -> Result<Vec<Entry>, Unread> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut in_needs = false;
    // Berry writes a key of more than 1,024 characters after `? `, and its value after `:` on the next line.
    let mut is_long_key = false;
    for (number, line) in text.lines().enumerate() {
        let broken = || Unread::Broken(format!("line {} is not understood", number + 1));
        let trimmed = line.trim_end();
        let body = trimmed.trim_start_matches(' ');
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let depth = (trimmed.len() - body.len()) / 2;
        if body.starts_with("<<<<<<<") || body.starts_with(">>>>>>>") {
            return Err(Unread::Broken(format!("line {} is of a merge that was not ended", number + 1)));
        }
        if depth == 0 {
            if is_long_key && body == ":" {
                is_long_key = false;
                continue;
            }
            is_long_key = body.starts_with("? ");
            let keys = if is_long_key { body.strip_prefix("? ") } else { body.strip_suffix(':') };
            entries.push(Entry {
                keys: split_keys(keys.ok_or_else(broken)?).ok_or_else(broken)?,
                ..Entry::default()
            });
            in_needs = false;
            continue;
        }
        let entry = entries.last_mut().ok_or_else(broken)?;
        let (key, rest) = word(body).ok_or_else(broken)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest).trim();
        if depth == 1 {
            in_needs = matches!(key.as_str(), "dependencies" | "optionalDependencies") && rest.is_empty();
            let value = if rest.is_empty() { String::new() } else { word(rest).ok_or_else(broken)?.0 };
            match key.as_str() {
                "version" => entry.version = value,
                "resolved" | "resolution" | "integrity" | "checksum" => {
                    entry.content.push_str(&value);
                    entry.content.push(' ');
                }
                _ => {}
            }
        } else if depth == 2 && in_needs {
            let (range, _) = word(rest).ok_or_else(broken)?;
            entry.needs.push((key, range));
        }
    }
    // `__metadata` and such are about the file.
    entries.retain(|entry| !entry.keys.iter().any(|key| key.starts_with("__")));
    distinct(entries)
}

/// The entries, where no key stands twice.
fn distinct(entries: Vec<Entry>) -> Result<Vec<Entry>, Unread> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for key in entries.iter().flat_map(|entry| &entry.keys) {
        if !seen.insert(key) {
            return Err(Unread::Broken(format!("{} stands twice", landfall_secret::escape(key, 80))));
        }
    }
    Ok(entries)
}

/// The keys of an entry: `a@^1, "b@npm:^2 || ^3"`; in berry all of them stand in one pair of quotes.
fn split_keys(text: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let key = if rest.starts_with('"') {
            let (key, after) = word(rest)?;
            rest = after;
            key
        } else {
            let (key, after) = rest.split_once(',').unwrap_or((rest, ""));
            rest = after;
            key.trim().to_owned()
        };
        keys.extend(key.split(", ").map(str::to_owned));
        rest = rest.trim_start_matches([',', ' ']);
    }
    Some(keys).filter(|keys| !keys.is_empty())
}

/// The first word, in quotes or not, and what follows it. A word without quotes ends at a space or at a colon that a space or
/// the end follows.
fn word(text: &str) -> Option<(String, &str)> {
    if let Some(inside) = text.strip_prefix('"') {
        let mut word = String::new();
        let mut chars = inside.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => word.push(chars.next()?.1),
                '"' => return Some((word, inside.get(at + 1..)?)),
                c => word.push(c),
            }
        }
        return None;
    }
    let end = text
        .char_indices()
        .find(|(at, c)| {
            *c == ' '
                || (*c == ':'
                    && text.get(at + 1..).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
        })
        .map_or(text.len(), |(at, _)| at);
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then(|| (word.to_owned(), rest))
}
