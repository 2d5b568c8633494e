//! Lists that may be long: parts of them that fit on a page.

use maud::{Markup, PreEscaped};

/// Bytes of rows on one page. The rest of a page, with a title and names at their longest, fits into what is left of
/// [`LARGEST_PAGE`](crate::LARGEST_PAGE).
pub(crate) const ROOM: usize = 240 * 1024;

/// The first rows that fit into so many bytes, and how many those are. One row is shown in any case.
pub(crate) fn first(rows: impl IntoIterator<Item = Markup>, room: usize) -> (Markup, usize) {
    let mut text = String::new();
    let mut count = 0;
    for row in rows {
        if count > 0 && text.len() + row.0.len() > room {
            break;
        }
        text.push_str(&row.0);
        count += 1;
    }
    (PreEscaped(text), count)
}

/// All rows, in parts that fit, each with how many it has. One part is there in any case.
pub(crate) fn parts(rows: impl IntoIterator<Item = Markup>, room: usize) -> Vec<(Markup, usize)> {
    let mut parts = Vec::new();
    let (mut text, mut count) = (String::new(), 0);
    for row in rows {
        if count > 0 && text.len() + row.0.len() > room {
            parts.push((PreEscaped(std::mem::take(&mut text)), std::mem::take(&mut count)));
        }
        text.push_str(&row.0);
        count += 1;
    }
    parts.push((PreEscaped(text), count));
    parts
}

#[cfg(test)]
mod tests {
    use maud::{Markup, PreEscaped};

    use super::{first, parts};

    #[test]
    fn rows_are_cut_between_rows() {
        let rows = || ["aaaa", "bbbb", "cccc"].map(|text| PreEscaped(text.to_owned()));
        let shown = |(markup, count): (Markup, usize)| (markup.0, count);
        assert_eq!(shown(first(rows(), 8)), ("aaaabbbb".to_owned(), 2));
        assert_eq!(shown(first(rows(), 1)), ("aaaa".to_owned(), 1), "never none at all");
        let parts: Vec<_> = parts(rows(), 9).into_iter().map(shown).collect();
        assert_eq!(parts, [("aaaabbbb".to_owned(), 2), ("cccc".to_owned(), 1)]);
    }
}
