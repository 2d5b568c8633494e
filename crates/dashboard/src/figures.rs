//! The four figures of delivery, as data.

use landfall_artifacts::EnvironmentName;

/// Figures of one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The environment.
    pub environment: EnvironmentName,
    /// One entry a month, oldest first, without gaps.
    pub months: Vec<MonthOf>,
}

/// What a figure means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The figure.
    pub figure: String,
    /// What it means, in sentences.
    pub means: String,
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
}

/// Figures of one month. What cannot be said, because nothing happened, is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonthOf {
    /// The month.
    pub month: Month,
    /// Releases that came to run there.
    pub deployments: u32,
    /// Median of the time from a release's commit, or its first record, to its deployment, in seconds.
    pub lead_seconds: Option<f64>,
    /// Deployments that failed or were rolled back, of all, from 0 to 1.
    pub failure_rate: Option<f64>,
    /// Median of the time from a failure until it was mended, in seconds.
    pub restore_seconds: Option<f64>,
    /// Whether a failure of this month lasts still.
    pub unrestored: bool,
}
