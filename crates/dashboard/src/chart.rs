//! Charts as inline SVG: one figure by month.

use maud::{Markup, html};

use crate::Month;
use crate::pages::{month_name, month_short};

/// The drawing, in its own units.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 136.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 354.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 108.0;

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Amounts, from nothing.
    Bars,
    /// Measures that a month may lack.
    Dots,
}

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A number of things.
    Count,
    /// Seconds.
    Time,
    /// A share, from 0 to 1.
    Share,
}

impl Unit {
    /// A value in words.
    pub(crate) fn say(self, value: f64) -> String {
        match self {
            Self::Count => format!("{value:.0}"),
            Self::Time => crate::text::long(value),
            Self::Share => {
                let percent = value * 100.0;
                if percent > 0.0 && percent < 1.0 {
                    format!("{percent:.1} %")
                } else {
                    format!("{percent:.0} %")
                }
            }
        }
    }

    /// The end of the axis: the least of the round values that is not below the largest.
    fn end(self, largest: f64) -> f64 {
        const HOUR: f64 = 3_600.0;
        const DAY: f64 = 86_400.0;
        let round: &[f64] = match self {
            Self::Count => &[2.0, 4.0, 10.0, 20.0, 40.0],
            Self::Time => &[
                60.0,
                600.0,
                1_800.0,
                HOUR,
                2.0 * HOUR,
                4.0 * HOUR,
                8.0 * HOUR,
                12.0 * HOUR,
                DAY,
                2.0 * DAY,
                4.0 * DAY,
                10.0 * DAY,
                20.0 * DAY,
                40.0 * DAY,
            ],
            Self::Share => &[0.02, 0.1, 0.2, 0.4, 0.6, 1.0],
        };
        let last = round.last().copied().unwrap_or(1.0);
        let fits = |end: &&f64| **end >= largest;
        round.iter().find(fits).copied().unwrap_or_else(|| {
            let mut end = last;
            while end < largest && end.is_finite() {
                end *= 2.0;
            }
            end
        })
    }
}

/// One chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chart<'a> {
    /// For the identifiers of its title and description; one of its kind on the page.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) shape: Shape,
    pub(crate) unit: Unit,
    /// Oldest first.
    pub(crate) values: &'a [(Month, Option<f64>)],
}

/// A number of the drawing, short.
fn at(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

pub(crate) fn chart(chart: &Chart<'_>) -> Markup {
    let Chart { id, title, shape, unit, values } = *chart;
    let largest = values.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max);
    let end = unit.end(largest);
    let step = (RIGHT - LEFT) / values.len().max(1) as f64;
    let middle = |place: usize| LEFT + step * (place as f64 + 0.5);
    let height = |value: f64| BOTTOM - (value / end).clamp(0.0, 1.0) * (BOTTOM - TOP);
    let (title_id, about_id) = (format!("{id}-title"), format!("{id}-about"));
    // Names of months stand where there is room for them.
    let every = values.len().div_ceil(8).max(1);
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{title_id} {about_id}")) {
            title #(title_id) { (title) }
            desc #(about_id) { (about(unit, values)) }
            @for part in [0.0, 0.5, 1.0] {
                @let y = at(height(end * part));
                path.line d=(format!("M{LEFT} {y}H{RIGHT}")) {}
                text.axis x=(at(LEFT - 6.0)) y=(at(height(end * part) + 3.5)) text-anchor="end" { (unit.say(end * part)) }
            }
            @for (place, (month, _)) in values.iter().enumerate() { @if place % every == 0 {
                text.axis x=(at(middle(place))) y=(at(BOTTOM + 14.0)) text-anchor="middle" { (month_short(*month)) }
                @if place == 0 || usize::from(month.month) <= every {
                    text.axis x=(at(middle(place))) y=(at(BOTTOM + 25.0)) text-anchor="middle" { (month.year) }
                }
            } }
            @if shape == Shape::Dots { path.thread d=(thread(values, middle, height)) {} }
            @for (place, (month, value)) in values.iter().enumerate() { @if let Some(value) = value {
                @match shape {
                    Shape::Bars => path.bar d=(format!("M{} {BOTTOM}V{}h{}V{BOTTOM}z", at(LEFT + step * (place as f64 + 0.18)), at(height(*value)), at(step * 0.64))) {
                        title { (month_name(*month)) ": " (unit.say(*value)) }
                    },
                    Shape::Dots => circle.dot cx=(at(middle(place))) cy=(at(height(*value))) r="3" {
                        title { (month_name(*month)) ": " (unit.say(*value)) }
                    },
                }
            } }
        }
    }
}

/// A line through neighbours; it has a gap where a month has no value.
fn thread(
    values: &[(Month, Option<f64>)],
    middle: impl Fn(usize) -> f64,
    height: impl Fn(f64) -> f64,
) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (place, (_, value)) in values.iter().enumerate() {
        if let Some(value) = value {
            let letter = if is_down { 'L' } else { 'M' };
            path.push_str(&format!("{letter}{} {}", at(middle(place)), at(height(*value))));
        }
        is_down = value.is_some();
    }
    path
}

/// What somebody who does not see it is told; the table has all values.
fn about(unit: Unit, values: &[(Month, Option<f64>)]) -> String {
    let known: Vec<(Month, f64)> =
        values.iter().filter_map(|(month, value)| Some((*month, (*value)?))).collect();
    let (Some((first, _)), Some((last, newest))) = (known.first(), known.last()) else {
        return "No month has a value.".to_owned();
    };
    let least = known.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let most = known.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    format!(
        "{} to {}: between {} and {}, {} in the last.",
        month_name(*first),
        month_name(*last),
        unit.say(least),
        unit.say(most),
        unit.say(*newest)
    )
}

#[cfg(test)]
mod tests {
    use super::{Chart, Shape, Unit, chart};
    use crate::Month;

    #[test]
    fn a_chart_says_what_it_shows() {
        let month = |month| Month { year: 2025, month };
        let values = [(month(1), Some(4.0)), (month(2), None), (month(3), Some(10.0))];
        let of = |shape| Chart { id: "c", title: "Deployments", shape, unit: Unit::Count, values: &values };
        let bars = chart(&of(Shape::Bars)).into_string();
        assert!(bars.contains("January 2025 to March 2025: between 4 and 10, 10 in the last."), "{bars}");
        assert!(bars.contains("V12h"), "the largest reaches the top: {bars}");
        assert_eq!(bars.matches("class=\"bar\"").count(), 2);
        let dots = chart(&of(Shape::Dots)).into_string();
        assert_eq!(dots.matches("<circle").count(), 2);
        assert!(dots.contains("M102.3 69.6M303.7 12"), "no line over a month without a value: {dots}");
        let none = Chart { values: &[], ..of(Shape::Bars) };
        assert!(chart(&none).into_string().contains("No month has a value."));
    }

    #[test]
    fn an_axis_ends_at_a_round_value() {
        let ends = [0.0, 3.0, 11.0, 41.0, 1_000.0].map(|value| Unit::Count.say(Unit::Count.end(value)));
        assert_eq!(ends, ["2", "4", "20", "80", "1280"]);
        assert_eq!(Unit::Share.say(0.005), "0.5 %");
        assert!(Unit::Time.end(f64::MAX).is_infinite() || Unit::Time.end(f64::MAX) > 0.0, "it ends");
    }
}
