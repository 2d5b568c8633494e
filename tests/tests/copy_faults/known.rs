//! What is known to end worse than it should. Nothing else is excused, and what ends well after all has to go from here.

use std::fmt;

use crate::case::Case;
use crate::spot::Asked;

/// A kind of fault at a kind of request that is known to end worse than it should.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known {
    kind: &'static str,
    asked: Asked,
    reason: &'static str,
}

/// All of them.
pub(crate) const KNOWN: &[Known] = &[];

impl Known {
    /// Why a case is excused, where it is.
    pub(crate) fn of(case: &Case<'_>) -> Option<&'static Self> {
        let strikes = |known: &Self| {
            case.strikes
                .iter()
                .any(|strike| strike.kind.name == known.kind && strike.spot.asked == known.asked)
        };
        KNOWN.iter().find(|known| strikes(known))
    }
}

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {:?}: {}", self.kind, self.asked, self.reason)
    }
}
