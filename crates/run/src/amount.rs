//! Amounts as people read them.

/// Bytes for people, in powers of 1024.
pub fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// A number of things that have a regular plural: `1 function`, `2 functions`.
pub fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::{counted, human_bytes};

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "file")), ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn bytes_for_people() {
        assert_eq!(
            [human_bytes(0), human_bytes(1023), human_bytes(1536), human_bytes(81_234_567)],
            ["0 B", "1023 B", "1.5 KiB", "77.5 MiB"]
        );
    }
}
