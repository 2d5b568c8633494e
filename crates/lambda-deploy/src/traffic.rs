//! How an alias's traffic goes over to a new version.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The steps in which traffic goes over: percentages that grow, the last of them 100. The default is all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    steps: Vec<TrafficStep>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficStep {
    /// Percent of the calls that go to the new version, 1 to 100.
    pub percent: u8,
    /// How long it stays so before it is checked and the next step comes.
    pub pause: Duration,
}

/// A text that describes no steps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a row of steps such as 10%:5m,50%:5m,100%: {why}")]
pub struct TrafficError {
    shown: String,
    why: &'static str,
}

/// Steps beyond this many are a mistake.
const MOST_STEPS: usize = 100;
/// The longest pause of one step.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Traffic {
    /// The steps in their order; one at least.
    pub fn steps(&self) -> &[TrafficStep] {
        &self.steps
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self { steps: vec![TrafficStep { percent: 100, pause: Duration::ZERO }] }
    }
}

impl FromStr for Traffic {
    type Err = TrafficError;

    fn from_str(text: &str) -> Result<Self, TrafficError> {
        let wrong = |why| TrafficError { shown: landfall_secret::escape(text, 100), why };
        let mut steps: Vec<TrafficStep> = Vec::new();
        for part in text.split(',') {
            let (percent, pause) = match part.trim().split_once(':') {
                Some((percent, pause)) => {
                    (percent, duration(pause).ok_or(wrong("a pause is a number with s, m or h"))?)
                }
                None => (part.trim(), Duration::ZERO),
            };
            let percent = percent.strip_suffix('%').and_then(|digits| digits.parse::<u8>().ok());
            let percent = percent
                .filter(|percent| (1..=100).contains(percent))
                .ok_or(wrong("a share is a whole number from 1% to 100%"))?;
            if steps.last().is_some_and(|last| last.percent >= percent) {
                return Err(wrong("each share is larger than the one before"));
            }
            if pause > LONGEST {
                return Err(wrong("a pause is a day at most"));
            }
            steps.push(TrafficStep { percent, pause });
        }
        if steps.len() > MOST_STEPS || steps.last().is_none_or(|last| last.percent != 100) {
            return Err(wrong("the last share is 100%"));
        }
        Ok(Self { steps })
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}%", step.percent)?;
            if !step.pause.is_zero() {
                write!(f, ":{}s", step.pause.as_secs())?;
            }
        }
        Ok(())
    }
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::Traffic;

    #[test]
    fn steps_grow_and_end_with_everything() {
        let steps: Traffic = "10%:5m, 50%:90s,100%".parse().expect("steps");
        assert_eq!(steps.to_string(), "10%:300s,50%:90s,100%");
        assert_eq!("100%".parse(), Ok(Traffic::default()));
        for bad in [
            "",
            "10",
            "0%,100%",
            "101%",
            "10%:5m",
            "50%,10%,100%",
            "10%,10%,100%",
            "10%:5,100%",
            "10%:xm,100%",
            "10%:25h,100%",
            "1.5%,100%",
            "-1%,100%",
            "100%,100%",
            "10%:é,100%",
            "10%:99999999999999999999h,100%",
        ] {
            assert!(bad.parse::<Traffic>().is_err(), "{bad}");
        }
    }
}
