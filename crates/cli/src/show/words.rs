//! Names and times, cut to size.

use landfall_run::human_bytes;

/// Of a text that is cut in its middle the first characters are kept: the digest of `1a2b3c4d5e6f host/app`.
const HEAD: usize = 12;

/// How many columns a text may take on a terminal. What is not ASCII is given two, which is never too few.
pub fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

fn column(character: char) -> usize {
    if character.is_ascii() || character == '…' { 1 } else { 2 }
}

/// The text in so many columns, cut in the middle where it has more: a name is known by its beginning and its end.
pub fn middle(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let Some(room) = most.checked_sub(1) else { return String::new() };
    let head = beginning(text.chars(), HEAD.min(room / 2));
    let tail = beginning(text.chars().rev(), room - columns(&head));
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

/// The text in so many columns, cut at its end where it has more.
pub fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let Some(room) = most.checked_sub(1) else { return String::new() };
    format!("{}…", beginning(text.chars(), room))
}

/// The text in exactly so many columns: cut in its middle, or with blanks after it.
pub(super) fn fitted(text: &str, width: usize) -> String {
    let shown = middle(text, width);
    let blanks = " ".repeat(width.saturating_sub(columns(&shown)));
    format!("{shown}{blanks}")
}

fn beginning(characters: impl Iterator<Item = char>, most: usize) -> String {
    let mut room = most;
    characters
        .take_while(|character| {
            let fits = column(*character) <= room;
            room = room.saturating_sub(column(*character));
            fits
        })
        .collect()
}

/// A time as people say it: `34 s`, `3 min 20 s`, `2 h 05 min`.
pub fn time(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// A speed as people say it: `25.1 MiB/s`.
pub(super) fn speed(bytes_per_second: u64) -> String {
    format!("{}/s", human_bytes(bytes_per_second))
}

/// `a`, `a and b`, `a, b and 7 others`: as many as are given by name, and how many there are besides.
pub(super) fn list(names: &[String], others: usize) -> String {
    let others = match others {
        0 => None,
        1 => Some("1 other".to_owned()),
        more => Some(format!("{more} others")),
    };
    let mut all: Vec<&str> = names.iter().map(String::as_str).chain(others.as_deref()).collect();
    match all.pop() {
        Some(last) if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        Some(only) => only.to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{columns, cut, fitted, list, middle, time};

    #[test]
    fn digest_and_repository_are_known_by_what_is_left_of_them() {
        let name = "1a2b3c4d5e6f personalised-lobby";
        assert_eq!(middle(name, 31), name);
        assert_eq!(middle(name, 30), "1a2b3c4d5e6f…ersonalised-lobby");
        assert_eq!(middle(name, 20), "1a2b3c4d5…ised-lobby");
        assert_eq!(middle(name, 9), "1a2b…obby");
        assert_eq!([middle(name, 1), middle(name, 0)], ["…", ""]);
        assert_eq!(cut(name, 14), "1a2b3c4d5e6f …");
        assert_eq!(fitted("chat", 6), "chat  ");
    }

    #[test]
    fn times_as_people_say_them() {
        let said = [0, 59, 60, 200, 3599, 3600, 7500, 360_000].map(time);
        assert_eq!(
            said,
            ["0 s", "59 s", "1 min", "3 min 20 s", "59 min 59 s", "1 h 00 min", "2 h 05 min", "100 h 00 min"]
        );
    }

    #[test]
    fn lists_as_people_say_them() {
        let names = |count: usize| ["a", "b", "c"].map(str::to_owned)[..count].to_vec();
        assert_eq!(list(&names(1), 0), "a");
        assert_eq!(list(&names(2), 0), "a and b");
        assert_eq!(list(&names(3), 1), "a, b, c and 1 other");
        assert_eq!(list(&names(2), 7), "a, b and 7 others");
        assert_eq!(list(&names(0), 0), "");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_its_column(text in "[a-z/é世… ]{0,40}", width in 0usize..50) {
            prop_assert!(columns(&middle(&text, width)) <= width);
            prop_assert!(columns(&cut(&text, width)) <= width);
            prop_assert_eq!(columns(&fitted(&text, width)), width);
        }
    }
}
