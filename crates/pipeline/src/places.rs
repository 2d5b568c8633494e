//! Where in `landfall.toml` something stands that is wrong only beside everything else.

use landfall_artifacts::{FileErrors, FileProblem, Limits, PlacedNode, Settings, placed_toml};

/// The text of a repo's `landfall.toml`, to point into.
#[derive(Debug, Default)]
pub(crate) struct Places<'t> {
    text: &'t str,
    root: Option<PlacedNode>,
}

/// What is wrong, all of it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    errors: Option<FileErrors>,
}

impl<'t> Places<'t> {
    /// A text that was read as settings before, so that whatever is wrong with it alone was said.
    pub(crate) fn new(text: &'t str) -> Self {
        let limits = Limits { max_bytes: Settings::MAX_BYTES, max_depth: 16, max_values: 100_000 };
        Self { text, root: placed_toml(text.as_bytes(), Settings::FILE_NAME, limits).ok() }
    }

    /// The place of a value by the keys to it; of the deepest one that is there, where not all are.
    fn of(&self, keys: &[&str]) -> Option<(usize, usize)> {
        let mut node = self.root.as_ref()?;
        let mut found = None;
        for key in keys {
            match node.get(key) {
                Some(value) => node = value,
                None => break,
            }
            found = Some(node.start);
        }
        let before = self.text.get(..found?)?;
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        Some((line, column))
    }
}

impl Found {
    /// Notes a problem at a value: what stands there, and what should.
    pub(crate) fn add(
        &mut self,
        places: &Places<'_>,
        keys: &[&str],
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let escaped = |key: &&str| landfall_secret::escape(key, 80).replace('~', "~0").replace('/', "~1");
        let pointer = keys.iter().flat_map(|key| ["/".to_owned(), escaped(key)]).collect();
        let problem = FileProblem {
            file: Settings::FILE_NAME.to_owned(),
            pointer,
            place: places.of(keys),
            found: found.into(),
            expected: expected.into(),
        };
        if self.errors.as_ref().is_some_and(|errors| errors.problems().contains(&problem)) {
            return;
        }
        let one = FileErrors::one(problem);
        self.errors = Some(match self.errors.take() {
            Some(errors) => errors.join(one),
            None => one,
        });
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_none()
    }

    /// The value, where nothing is wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, FileErrors> {
        match self.errors {
            None => Ok(value),
            Some(errors) => Err(errors),
        }
    }
}

/// What was probably meant by a name: the nearest of those that are known, else all of them.
pub(crate) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let near = known.iter().map(|one| (distance(name, one), *one)).min();
    match near {
        Some((far, one)) if far == 1 || far <= 4 && far * 2 < one.len() => format!("`{one}`, perhaps"),
        Some(_) => format!("one of {}", known.join(", ")),
        None => "none, since there is nothing of the kind".to_owned(),
    }
}

/// How many letters have to be put in, left out or changed (Levenshtein); of long texts the beginning counts.
fn distance(text: &str, name: &str) -> usize {
    let name: Vec<char> = name.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, x) in text.chars().take(100).enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        let mut next = vec![left];
        for (y, above) in name.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
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
    use super::{Found, Places, meant};

    #[test]
    fn a_problem_points_at_the_deepest_value_that_is_there() {
        let places = Places::new("a = 1\n[pipelines.x]\nstart = \"push\"\n");
        let mut found = Found::default();
        found.add(&places, &["pipelines", "x", "start"], "one", "another");
        found.add(&places, &["pipelines", "x", "jobs", "a/b"], "one", "another");
        found.add(&places, &["pipelines", "x", "jobs", "a/b"], "one", "another");
        let errors = found.finish(()).expect_err("two").to_string();
        insta::assert_snapshot!(errors, @r"
        2 problems in landfall.toml
          /pipelines/x/start at 3:9: found one, expected another
          /pipelines/x/jobs/a~1b at 2:1: found one, expected another
        ");
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let known = || ["deploy-lambda", "gate"].into_iter();
        assert_eq!(meant("deploy-lamda", known()), "`deploy-lambda`, perhaps");
        assert_eq!(meant("nothing", known()), "one of deploy-lambda, gate");
        assert_eq!(meant("x", [].into_iter()), "none, since there is nothing of the kind");
    }
}
