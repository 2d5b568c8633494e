//! The one script, and the names that it finds.

use crate::build::{Book, Page};
use crate::layout::Place;
use crate::text::shown;

/// The script's file.
pub(crate) const SCRIPT: &str = "site.js";
/// The names' file, which the script asks for when it is needed.
const NAMES: &str = "names.js";

pub(crate) fn files(book: &Book<'_>) -> [Page; 2] {
    let content_type = "text/javascript; charset=utf-8";
    let script = include_str!("assets/site.js").to_owned();
    let mut names = String::from("self.landfallNames = [\n");
    let mut add = |kind: &str, name: &str, file: Option<&str>| {
        if let Some(file) = file {
            names.push_str(&format!("[\"{kind}\",{},{}],\n", quoted(&shown(name)), quoted(file)));
        }
    };
    for environment in &book.site.environments {
        let name = environment.name.as_str();
        add("environment", name, book.names.environment(name));
    }
    for row in &book.site.functions {
        add("function", &row.name, book.names.function(&row.name));
    }
    for release in &book.site.releases {
        add("release", &release.name, book.names.release(&release.name));
    }
    names.push_str("];\n");
    [(SCRIPT, script), (NAMES, names)].map(|(file, text)| Page {
        path: book.names.path(Place::Inside, file),
        content_type,
        bytes: text.into_bytes(),
    })
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
    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(
            super::quoted("a\"</script>\u{1f600}\n"),
            "\"a\\u0022\\u003c/script\\u003e\\ud83d\\ude00\\u000a\""
        );
    }
}
