//! The one script, and the names that it finds.

use crate::build::{Book, LARGEST_PAGE, Page};
use crate::layout::Place;
use crate::text::shown;

/// The script's file.
pub(crate) const SCRIPT: &str = "site.js";

/// Bytes of the names of one file; what stands around them fits into the rest of [`LARGEST_PAGE`].
const ROOM: usize = LARGEST_PAGE - 1024;

/// The script, and the files of names, which it asks for when they are needed.
pub(crate) fn files(book: &Book<'_>) -> Vec<Page> {
    let mut files = vec![(SCRIPT.to_owned(), include_str!("assets/site.js").to_owned())];
    let parts = parts(entries(book), ROOM);
    let count = parts.len();
    for (at, part) in parts.into_iter().enumerate() {
        // The first says how many there are.
        let says = if at == 0 { format!("self.landfallNameFiles = {count};\n") } else { String::new() };
        files.push((file(at), format!("{says}(self.landfallNames ||= []).push({part});\n")));
    }
    let page = |(file, text): (String, String)| Page {
        path: book.names.path(Place::Inside, &file),
        content_type: "text/javascript; charset=utf-8",
        bytes: text.into_bytes(),
    };
    files.into_iter().map(page).collect()
}

fn file(at: usize) -> String {
    if at == 0 { "names.js".to_owned() } else { format!("names-{}.js", at + 1) }
}

/// Every name that has a page, with its kind.
fn entries<'b>(book: &'b Book<'_>) -> impl Iterator<Item = (&'static str, String)> + 'b {
    let (site, names) = (book.site, &book.names);
    let environments = site.environments.iter().map(|one| {
        let name = one.name.as_str();
        ("environment", name, names.environment(name))
    });
    let functions = site.functions.iter().map(|one| ("function", &*one.name, names.function(&one.name)));
    let releases = site.releases.iter().map(|one| ("release", &*one.name, names.release(&one.name)));
    let all = environments.chain(functions).chain(releases);
    all.filter_map(|(kind, name, file)| Some((kind, entry(kind, &shown(name), file?))))
}

/// The name alone where that tells its file too, as nearly all do: there may be thousands.
fn entry(kind: &str, name: &str, file: &str) -> String {
    if file.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".html")) == Some(name) {
        quoted(name)
    } else {
        format!("[{},{}]", quoted(name), quoted(file))
    }
}

/// The names as lists that begin with their kind, in parts that fit.
fn parts(entries: impl Iterator<Item = (&'static str, String)>, room: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut text, mut open) = (String::new(), None);
    for (kind, entry) in entries {
        if open.is_some() && text.len() + entry.len() > room {
            parts.push(format!("{}]", std::mem::take(&mut text)));
            open = None;
        }
        if open != Some(kind) {
            text.push_str(if open.is_some() { "],\n[" } else { "[" });
            text.push_str(&quoted(kind));
            open = Some(kind);
        }
        text.push(',');
        text.push_str(&entry);
    }
    text.extend(open.map(|_| ']'));
    parts.push(text);
    parts
}

/// A text in JavaScript. All that is no plain ASCII is written by its number, so that nothing depends on where the text stands.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c)
                if (c.is_ascii_alphanumeric() || c.is_ascii_punctuation() || c == ' ')
                    && !"\"\\<>&'`".contains(c) =>
            {
                quoted.push(c);
            }
            Some(_) | None => quoted.push_str(&format!("\\u{unit:04x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{entry, parts};

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(
            super::quoted("a\"</script>\u{1f600}\n"),
            "\"a\\u0022\\u003c/script\\u003e\\ud83d\\ude00\\u000a\""
        );
    }

    #[test]
    fn a_file_is_named_only_where_its_name_does_not_tell_it() {
        assert_eq!(entry("release", "v1", "release-v1.html"), "\"v1\"");
        assert_eq!(entry("release", "v/1", "release-v_1~ab.html"), "[\"v/1\",\"release-v_1~ab.html\"]");
    }

    #[test]
    fn names_go_on_in_further_files_and_each_begins_with_its_kind() {
        let entries = || [("function", "1"), ("function", "2"), ("release", "3"), ("release", "4")];
        let parts =
            |room: usize| parts(entries().into_iter().map(|(kind, name)| (kind, name.to_owned())), room);
        assert_eq!(parts(100), ["[\"function\",1,2],\n[\"release\",3,4]"]);
        assert_eq!(parts(13), ["[\"function\",1]", "[\"function\",2]", "[\"release\",3,4]"]);
        assert_eq!(super::parts(std::iter::empty(), 100), [""]);
    }
}
