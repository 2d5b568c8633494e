//! What a name that is not known was meant to be.

/// The name that differs least from a text, where that is little enough to be a slip: four letters at most, and fewer than half.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text: Vec<char> = text.chars().take(100).collect();
    names
        .map(|name| (distance(&text, name), name))
        .min()
        .filter(|(far, name)| *far <= 4 && far * 2 < name.chars().count().max(text.len()))
        .map(|(_, name)| name)
}

/// How many letters have to be put in, left out or changed (Levenshtein).
fn distance(text: &[char], name: &str) -> usize {
    let name: Vec<char> = name.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, x) in text.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in name.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(above + 1);
            diagonal = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_found_and_another_word_is_none() {
        let names = || ["generate-versions", "generate-mappings", "dora", "r1"].into_iter();
        assert_eq!(nearest("generate-version", names()), Some("generate-versions"));
        assert_eq!(nearest("genarate-mapings", names()), Some("generate-mappings"));
        assert_eq!(nearest("dara", names()), Some("dora"));
        assert_eq!(nearest("something else entirely", names()), None);
        assert_eq!(nearest("q9", names()), None, "of two letters both differ");
    }
}
