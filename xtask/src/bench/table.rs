//! Figures of several runs as rows of a table.

/// How rows of the floor begin.
pub(crate) const FLOOR: &str = "floor: each distinct blob once,";

/// What one run took.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Wall time.
    pub(crate) seconds: f64,
    /// User and system time.
    pub(crate) processor: f64,
    /// Peak resident memory of the largest process, in bytes.
    pub(crate) peak: Option<u64>,
    /// Requests at source and target.
    pub(crate) requests: [usize; 2],
}

/// All runs of one tool.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    figures: Vec<Figure>,
}

impl Row {
    /// Adds a run to the tool's row.
    pub(crate) fn add(rows: &mut Vec<Self>, name: String, figure: Figure) {
        match rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.figures.push(figure),
            None => rows.push(Self { name, figures: vec![figure] }),
        }
    }

    /// The median of all runs.
    pub(crate) fn seconds(&self) -> f64 {
        self.median(|figure| figure.seconds)
    }

    /// The largest of all runs, in bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.figures.iter().filter_map(|figure| figure.peak).max()
    }

    fn median(&self, of: impl Fn(&Figure) -> f64) -> f64 {
        median(&mut self.figures.iter().map(of).collect::<Vec<_>>())
    }

    fn cells(&self, rows: &[Self]) -> [String; 8] {
        let times = |other: Option<&Self>| {
            other.map_or_else(|| "-".to_owned(), |other| format!("{:.2}", self.seconds() / other.seconds()))
        };
        let seconds = self.figures.iter().map(|figure| figure.seconds);
        let (least, most) =
            seconds.fold((f64::INFINITY, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
        let requests = |at: usize| self.median(|figure| figure.requests[at] as f64);
        [
            self.name.clone(),
            format!("{:.2}", self.seconds()),
            format!("{least:.2} to {most:.2}"),
            times(floor(rows)),
            times(find(rows, SKOPEO)),
            format!("{:.2}", self.median(|figure| figure.processor)),
            self.peak()
                .map_or_else(|| "-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20))),
            format!("{} + {}", requests(0), requests(1)),
        ]
    }
}

/// The row that others are compared with.
pub(crate) const SKOPEO: &str = "skopeo, one by one";
/// Ours.
pub(crate) const OURS: &str = "landfall";

/// The row of this name.
pub(crate) fn find<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.name == name)
}

/// The floor: the best of its rows.
pub(crate) fn floor(rows: &[Row]) -> Option<&Row> {
    let floors = rows.iter().filter(|row| row.name.starts_with(FLOOR));
    floors.min_by(|a, b| a.seconds().total_cmp(&b.seconds()))
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values {
        [] => f64::NAN,
        values if values.len() % 2 == 1 => values[values.len() / 2],
        values => f64::midpoint(values[values.len() / 2 - 1], values[values.len() / 2]),
    }
}

/// The rows in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = "\
| tool | time, s (median) | least to most | of the floor | of skopeo | processor, s | peak memory, MiB | requests, source + target |
|---|---:|---:|---:|---:|---:|---:|---:|
"
    .to_owned();
    for row in rows {
        text.push_str(&format!("| {} |\n", row.cells(rows).join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{FLOOR, Figure, Row, SKOPEO, markdown, median};

    fn figure(seconds: f64) -> Figure {
        Figure { seconds, processor: 0.5, peak: Some(16 << 20), requests: [3, 4] }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn rows_are_compared_with_the_floor_and_with_skopeo() {
        let mut rows = Vec::new();
        for seconds in [1.0, 3.0, 2.0] {
            Row::add(&mut rows, "landfall".to_owned(), figure(seconds));
        }
        Row::add(&mut rows, SKOPEO.to_owned(), figure(20.0));
        Row::add(&mut rows, format!("{FLOOR} 8 at a time"), Figure { peak: None, ..figure(1.0) });
        Row::add(&mut rows, format!("{FLOOR} 16 at a time"), Figure { peak: None, ..figure(1.5) });
        let text = markdown(&rows);
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows[0], "| landfall | 2.00 | 1.00 to 3.00 | 2.00 | 0.10 | 0.50 | 16.0 | 3 + 4 |");
        assert!(rows[2].contains(" | 1.00 | 0.05 | 0.50 | - | "), "{}", rows[2]);
        assert!(rows[3].contains(" | 1.50 | 0.07 | "), "of the better floor: {}", rows[3]);
    }
}
