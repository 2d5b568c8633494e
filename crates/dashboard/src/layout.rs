//! Where pages stand, and how they point at each other.

use std::collections::{HashMap, HashSet};

use landfall_artifacts::Digest;

use crate::Site;

/// Longest part of a file's name that is taken from a foreign name, in characters.
const LONGEST: usize = 64;

/// How the files are called: the index, and the folder beside it that has all the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    index: String,
    folder: String,
}

impl Default for Layout {
    fn default() -> Self {
        Self { index: "index.html".to_owned(), folder: "pages".to_owned() }
    }
}

impl Layout {
    /// The layout for an index of this file name, without folders: `index.html` goes with `pages/`, `shop.html` with `shop-pages/`. A name
    /// that is not plain or does not end in `.html` has a part of its digest in the folder's, so that no two indexes share one.
    pub fn of_index(name: &str) -> Self {
        let stem = name.strip_suffix(".html").unwrap_or(name);
        let plain = plain(stem);
        let folder = match stem {
            "" => return Self::default(),
            "index" if name != stem => Self::default().folder,
            stem if name != stem && plain == stem => format!("{plain}-pages"),
            // A plain name has no tilde.
            _ => format!("{plain}~{}-pages", some_of(&Digest::of(name.as_bytes()))),
        };
        Self { index: name.to_owned(), folder }
    }

    /// The index' name.
    pub fn index(&self) -> &str {
        &self.index
    }

    /// The name of the folder that has the rest.
    pub fn folder(&self) -> &str {
        &self.folder
    }
}

/// Where a page stands: this decides how its links begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The index.
    Index,
    /// In the folder beside it.
    Inside,
}

/// The names of all pages that are of something.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    layout: &'a Layout,
    functions: HashMap<&'a str, String>,
    releases: HashMap<&'a str, String>,
    environments: HashMap<&'a str, String>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(site: &'a Site, layout: &'a Layout) -> Self {
        Self {
            layout,
            functions: files("function", site.functions.iter().map(|row| row.name.as_str())),
            releases: files("release", site.releases.iter().map(|row| row.name.as_str())),
            environments: files("environment", site.environments.iter().map(|row| row.name.as_str())),
        }
    }

    /// The address of a file of the folder.
    pub(crate) fn to(&self, place: Place, file: &str) -> String {
        match place {
            Place::Index => format!("{}/{file}", self.layout.folder),
            Place::Inside => file.to_owned(),
        }
    }

    pub(crate) fn to_index(&self, place: Place) -> String {
        match place {
            Place::Index => quoted(&self.layout.index),
            Place::Inside => format!("../{}", quoted(&self.layout.index)),
        }
    }

    /// The path of a page from the index' folder.
    pub(crate) fn path(&self, place: Place, file: &str) -> String {
        match place {
            Place::Index => self.layout.index.clone(),
            Place::Inside => format!("{}/{file}", self.layout.folder),
        }
    }

    pub(crate) fn function(&self, name: &str) -> Option<&str> {
        self.functions.get(name).map(String::as_str)
    }

    pub(crate) fn release(&self, name: &str) -> Option<&str> {
        self.releases.get(name).map(String::as_str)
    }

    pub(crate) fn environment(&self, name: &str) -> Option<&str> {
        self.environments.get(name).map(String::as_str)
    }
}

/// A file for each name. Names that are one where letters' case does not count, or that are no plain names, get a part of their
/// digest, so that no file takes another's place on any system.
fn files<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, String> {
    let mut taken = HashSet::new();
    let mut files = HashMap::new();
    for name in names {
        if files.contains_key(name) {
            continue;
        }
        let plain = plain(name);
        let file = if plain == name && taken.insert(plain.to_ascii_lowercase()) {
            format!("{kind}-{plain}.html")
        } else {
            // A plain name has no tilde.
            format!("{kind}-{plain}~{}.html", some_of(&Digest::of(name.as_bytes())))
        };
        files.insert(name, file);
    }
    files
}

/// As much of a digest as keeps names apart.
fn some_of(digest: &Digest) -> String {
    digest.hex().chars().take(16).collect()
}

/// A file's name as a part of an address (RFC 3986, 2.1).
fn quoted(name: &str) -> String {
    let quote = |byte: u8| match byte {
        b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(quote).collect()
}

fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars().take(LONGEST).map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Layout, files};

    #[test]
    fn no_file_takes_another_s_place() {
        let names = ["Orders", "orders", "a/b", "a_b", "../../etc/passwd", "", "a?b#c", "Orders"];
        let files = files("function", names.into_iter());
        let mut seen: Vec<String> = files.values().map(|file| file.to_ascii_lowercase()).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7, "{files:?}");
        assert_eq!(files["Orders"], "function-Orders.html");
        for file in files.values() {
            assert!(
                file.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c)),
                "{file} needs no quoting in an address"
            );
        }
        assert!(super::files("x", [&*"y".repeat(10_000)].into_iter()).values().all(|file| file.len() < 120));
    }

    #[test]
    fn an_index_of_another_name_has_a_folder_of_its_own() {
        assert_eq!(Layout::of_index("index.html"), Layout::default());
        assert_eq!(Layout::of_index("shop.html").folder(), "shop-pages");
        let names = [
            "a b.html",
            "a_b.html",
            "shop.html",
            "shop.htm",
            "index.html",
            "index.htm",
            "a~b.html",
            "pages.html",
        ];
        let mut folders: Vec<String> =
            names.iter().map(|name| Layout::of_index(name).folder().to_owned()).collect();
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), names.len(), "{folders:?}");
        assert_eq!(Layout::of_index("a_b.html").folder(), "a_b-pages");
        assert_eq!(super::quoted("a b:ä.html"), "a%20b%3A%C3%A4.html");
    }
}
