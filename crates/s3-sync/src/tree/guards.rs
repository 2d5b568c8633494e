//! What must hold before anything is changed, so that no mistake deletes more than was meant.

use std::fmt;
use std::str::FromStr;

use super::{MANIFEST_NAME, Plan, Rules, Source, TreeAddress, TreeError};

/// Deletions that are never too many by default: a tenth of a small tree is nothing.
const ALWAYS_ALLOWED: u64 = 5;

/// How many objects may be deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxDeletes {
    /// A tenth of the objects that the rules take, and five in any case.
    #[default]
    Usual,
    /// So many.
    Number(u64),
    /// So many of a hundred, rounded down.
    Percent(u32),
}

/// A text that is no such limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number such as 20, or a percentage from 0% to 100%")]
pub struct MaxDeletesError;

impl FromStr for MaxDeletes {
    type Err = MaxDeletesError;

    fn from_str(text: &str) -> Result<Self, MaxDeletesError> {
        let digits = |text: &str| -> Option<u64> {
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
        };
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = digits(percent).and_then(|number| u32::try_from(number).ok());
                percent.filter(|percent| *percent <= 100).map(Self::Percent).ok_or(MaxDeletesError)
            }
            None => digits(text).map(Self::Number).ok_or(MaxDeletesError),
        }
    }
}

impl fmt::Display for MaxDeletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("10%, at least 5"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl MaxDeletes {
    /// The limit where there are so many objects.
    pub fn of(self, objects: u64) -> u64 {
        match self {
            Self::Usual => (objects / 10).max(ALWAYS_ALLOWED),
            Self::Number(number) => number,
            Self::Percent(percent) => objects.saturating_mul(u64::from(percent)) / 100,
        }
    }
}

/// What limits deletions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// How many there may be, where their number was not told beforehand.
    pub max_deletes: MaxDeletes,
    /// The very number of deletions that is agreed to; it stands in place of the limit.
    pub expected: Option<u64>,
    /// Deletions may be about a bucket without a prefix.
    pub whole_bucket: bool,
}

impl Guards {
    /// Everything that forbids the plan; nothing where no deletion was asked for.
    pub fn check(
        &self,
        plan: &Plan,
        source: &Source,
        rules: &Rules,
        address: &TreeAddress,
    ) -> Vec<TreeError> {
        let mut errors = Vec::new();
        if !plan.is_deleting {
            return errors;
        }
        if address.prefix().is_empty() && !self.whole_bucket {
            errors.push(TreeError::WholeBucket { bucket: address.bucket().to_string() });
        }
        let planned = plan.deletes.len() as u64;
        if source.is_empty() {
            errors.push(TreeError::EmptySource {
                folder: source.path().to_owned(),
                address: address.to_string(),
                objects: plan.objects,
            });
        } else {
            let limit = self.max_deletes.of(plan.objects);
            match self.expected {
                Some(expected) if expected != planned => {
                    errors.push(TreeError::OtherDeletes { address: address.to_string(), planned, expected });
                }
                Some(_) => {}
                None if planned > limit => errors.push(TreeError::TooManyDeletes {
                    folder: source.path().to_owned(),
                    files: source.len() as u64,
                    address: address.to_string(),
                    objects: plan.objects,
                    planned,
                    limit,
                }),
                None => {}
            }
        }
        let mut protected = plan.deletes.iter().filter(|extra| rules.protects(&extra.name)).peekable();
        if let Some(first) = protected.peek() {
            let address = address.shown(&first.name);
            errors.push(TreeError::Protected { address, count: protected.count() as u64 });
        }
        for folder in &plan.others {
            let count = plan.deletes.iter().filter(|extra| extra.name.starts_with(&**folder)).count() as u64;
            if count > 0 {
                let manifest = address.shown(&format!("{folder}{MANIFEST_NAME}"));
                errors.push(TreeError::OthersBelow { manifest, count });
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Explain as _;

    use super::super::{Etag, Extra, Listed, RuleTexts};
    use super::{Guards, MaxDeletes, Plan, Rules, Source, TreeAddress};

    #[test]
    fn limits_are_numbers_or_percentages() {
        for (text, objects, limit) in
            [("0", 100, 0), ("20", 3, 20), ("0%", 100, 0), ("25%", 10, 2), ("100%", 7, 7), ("10%", 9, 0)]
        {
            let max: MaxDeletes = text.parse().expect(text);
            assert_eq!((max.of(objects), max.to_string().as_str()), (limit, text));
        }
        for (objects, limit) in [(0, 5), (50, 5), (59, 5), (60, 6), (1000, 100)] {
            assert_eq!(MaxDeletes::Usual.of(objects), limit, "{objects}");
        }
        for bad in ["", "%", "-1", "1.5", "101%", "10 %", "+5", "99999999999999999999", "many"] {
            assert!(bad.parse::<MaxDeletes>().is_err(), "{bad}");
        }
    }

    /// Codes of what forbids a plan of so many deletions among so many objects, by so many files.
    fn forbidden(
        guards: Guards,
        files: usize,
        deletes: usize,
        objects: u64,
        address: &str,
    ) -> Vec<&'static str> {
        let dir = tempfile::tempdir().expect("a folder");
        for number in 0..files {
            std::fs::write(dir.path().join(number.to_string()), "x").expect("written");
        }
        let rules = Rules::new(&RuleTexts { protect: vec!["keep/".to_owned()], ..RuleTexts::default() })
            .expect("rules");
        let address: TreeAddress = address.parse().expect("an address");
        let source = Source::read(dir.path(), &rules, &address).expect("a source");
        let listed = Listed { size_bytes: 1, etag: Etag::Missing, modified: 0 };
        let extra = |number| Extra { name: format!("old/{number}").into(), listed: listed.clone() };
        let mut plan = Plan {
            deletes: (0..deletes).map(extra).collect(),
            is_deleting: true,
            objects,
            ..Plan::default()
        };
        let codes = |plan: &Plan| {
            let errors = guards.check(plan, &source, &rules, &address);
            errors.iter().map(super::TreeError::code).collect::<Vec<_>>()
        };
        let found = codes(&plan);
        if let Some(first) = plan.deletes.first_mut() {
            first.name = "keep/a".into();
            assert_eq!(codes(&plan), [&found[..], &["LF-SYNC-PROTECTED"]].concat(), "protection is one more");
        }
        plan.is_deleting = false;
        assert!(codes(&plan).is_empty(), "what is not asked for is not forbidden");
        found
    }

    #[test]
    fn no_plan_deletes_more_than_may_be() {
        let usual = Guards::default();
        let number = |number| Guards { max_deletes: MaxDeletes::Number(number), ..usual };
        let expected = |number| Guards { expected: Some(number), ..usual };
        let web = "s3://acme-config/web";
        for (guards, files, deletes, objects, wanted) in [
            (usual, 1, 5, 6, &[][..]),
            (usual, 1, 6, 7, &["LF-SYNC-DELETES"]),
            (usual, 90, 10, 100, &[]),
            (usual, 90, 11, 101, &["LF-SYNC-DELETES"]),
            (usual, 0, 0, 0, &["LF-SYNC-EMPTY"]),
            (usual, 0, 3, 3, &["LF-SYNC-EMPTY"]),
            (expected(3), 0, 3, 3, &["LF-SYNC-EMPTY"]),
            (number(0), 5, 1, 6, &["LF-SYNC-DELETES"]),
            (number(1), 5, 1, 6, &[]),
            (number(100), 1, 99, 100, &[]),
            (expected(50), 1, 50, 51, &[]),
            (expected(50), 1, 49, 50, &["LF-SYNC-DELETES"]),
            (expected(50), 1, 51, 52, &["LF-SYNC-DELETES"]),
            (expected(0), 1, 1, 2, &["LF-SYNC-DELETES"]),
        ] {
            assert_eq!(
                forbidden(guards, files, deletes, objects, web),
                wanted,
                "{guards:?} {files} {deletes}"
            );
        }
        let whole = Guards { whole_bucket: true, ..usual };
        assert_eq!(forbidden(usual, 1, 1, 2, "s3://acme-config"), ["LF-SYNC-PREFIX"]);
        assert!(forbidden(whole, 1, 1, 2, "s3://acme-config").is_empty());
    }
}
