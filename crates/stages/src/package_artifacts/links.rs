//! Where links of an archive lead.

use std::collections::BTreeMap;

use super::contents::Entry;

/// Whether a link leads to something of the same archive, wherever that is unpacked.
///
/// Every folder on its way must be one of the archive's own: behind another link `..` is not what its letters say, and could
/// leave the archive.
pub(super) fn leads_somewhere(entries: &BTreeMap<String, Entry>, name: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') {
        return false;
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    let mut is_folder = true;
    for part in target.split('/') {
        match part {
            "" | "." => continue,
            _ if !is_folder => return false,
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            other => parts.push(other),
        }
        is_folder = parts.is_empty() || has_below(entries, &parts.join("/"));
    }
    is_folder || entries.contains_key(&parts.join("/"))
}

/// Whether a name is that of a folder.
fn has_below(entries: &BTreeMap<String, Entry>, name: &str) -> bool {
    let below = format!("{name}/");
    entries.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
}

/// The entry that another one would stand below, where it is no folder: the first such pair of names for each.
pub(super) fn below_no_folder(entries: &BTreeMap<String, Entry>) -> Vec<(String, String)> {
    let above = |name: &str| {
        let ends = name.match_indices('/').map(|(at, _)| at);
        let mut above = ends.filter_map(|at| name.get(..at));
        above.find(|above| entries.contains_key(*above)).map(str::to_owned)
    };
    entries.keys().filter_map(|name| Some((name.clone(), above(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn entries(files: &[&str], links: &[(&str, &str)]) -> BTreeMap<String, Entry> {
        let file = |name: &&str| {
            let file = Entry::File { path: PathBuf::new(), size_bytes: 0, executable: false };
            ((*name).to_owned(), file)
        };
        let link = |(name, target): &(&str, &str)| {
            ((*name).to_owned(), Entry::Link { target: (*target).to_owned() })
        };
        files.iter().map(file).chain(links.iter().map(link)).collect()
    }

    #[test]
    fn links_end_in_the_archive_or_nowhere() {
        let entries = entries(&["a/b/x", "a/c", "a/etc", "d"], &[("a/up", ".."), ("alias", "a/c")]);
        for (name, target) in [
            ("a/b/link", "../c"),
            ("link", "./a//c"),
            ("a/link", ".."),
            ("link", "a/b"),
            ("link", "a/b/"),
            ("link", "a/up"),
            ("link", "alias"),
            ("a/b/link", "../../d"),
        ] {
            assert!(leads_somewhere(&entries, name, target), "{name} -> {target}");
        }
        for (name, target) in [
            ("link", "../x"),
            ("a/link", "../../x"),
            ("link", "/etc/passwd"),
            ("link", ""),
            ("link", "nowhere"),
            ("link", "nowhere/../d"),
            ("link", "d/../a/c"),
            // By its letters `a/etc`; behind the link it is outside.
            ("link", "a/up/../etc"),
            ("link", "a/up/d"),
            ("link", "alias/../c"),
        ] {
            assert!(!leads_somewhere(&entries, name, target), "{name} -> {target}");
        }
    }

    #[test]
    fn what_stands_below_a_file_is_found() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(
            below_no_folder(&entries(&["a", "a/b", "a/b/c", "a-b", "b/c"], &[("l", "b")])),
            [pair("a/b", "a"), pair("a/b/c", "a")]
        );
        assert_eq!(below_no_folder(&entries(&["l/x"], &[("l", "b")])), [pair("l/x", "l")]);
    }
}
