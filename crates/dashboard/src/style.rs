//! The style sheet: what is written by hand, and a rule a column.

use crate::build::{Book, Page};
use crate::layout::Place;

/// Its file.
pub(crate) const STYLE: &str = "site.css";

pub(crate) fn page(book: &Book<'_>) -> Page {
    let mut text = include_str!("assets/site.css").to_owned();
    for (at, environment) in book.site.environments.iter().enumerate() {
        // The first column is the function's name.
        let (id, column) = (at + 1, at + 2);
        let name: String = environment.name.as_str().chars().map(quoted).collect();
        text.push_str(&format!(
            "main:has(#column-{id}:not(:checked)) .grid tr > :nth-child({column}) {{ display: none; }}\n\
             @media (max-width: 40rem) {{ .grid td:nth-child({column})::before {{ content: \"{name}\"; }} }}\n"
        ));
    }
    let path = book.names.path(Place::Inside, STYLE);
    Page { path, content_type: "text/css; charset=utf-8", bytes: text.into_bytes() }
}

/// A character of a text in CSS (CSS Syntax 3, "escape").
fn quoted(character: char) -> String {
    if character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/') {
        character.to_string()
    } else {
        format!("\\{:x} ", u32::from(character))
    }
}
