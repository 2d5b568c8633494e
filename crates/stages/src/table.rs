//! Rows for people.

/// Columns side by side, each as wide as its widest cell; the last `figures` of them stand to the right.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], figures: usize) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let first_figure = N.saturating_sub(figures);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < first_figure { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_stand_below_each_other() {
        let rows =
            [["image", "note", "to send", "of"], ["h/é:F-1", "new", "5.0 MiB", "1 B"], ["a", "", "-", ""]]
                .map(|row| row.map(str::to_owned));
        insta::assert_snapshot!(table(&rows, 2).join("\n"), @r"
        image    note  to send   of
        h/é:F-1  new   5.0 MiB  1 B
        a                    -
        ");
        insta::assert_snapshot!(table(&rows, 0).join("\n"), @r"
        image    note  to send  of
        h/é:F-1  new   5.0 MiB  1 B
        a              -
        ");
        assert!(table::<3>(&[], 1).is_empty());
    }
}
