//! Every failure of the decision tree made for real, and `landfall doctor` names it; it changes nothing and tells no secret.

mod credentials;
mod delivery;
mod functions;
mod reported;
mod tickets;

use serde_json::Value;

use crate::world::World;

/// A world in which failures are made one after the other: what is set is put back, so that each stands alone.
struct Clinic {
    world: World,
}

impl Clinic {
    fn of(world: World) -> Self {
        Self { world }
    }

    /// What doctor finds wrong: every failed check with the failures that it names. Nothing may be changed anywhere.
    async fn finds(&self, words: &[&str]) -> Vec<String> {
        let answer = self.answer(words).await;
        let mut found = Vec::new();
        for check in answer["examined"][0]["checks"].as_array().expect("checks") {
            for named in check["found"].as_array().expect("a list") {
                let id = check["id"].as_str().expect("a name");
                found.push(format!("{id}: {}", named["failure"].as_str().unwrap_or("no page")));
                let whole = ["what", "remedy", "code"]
                    .iter()
                    .all(|key| named[*key].as_str().is_some_and(|text| !text.is_empty()));
                assert!(whole, "{named}");
            }
        }
        found.dedup();
        found
    }

    /// The answer as JSON, after it was held against exit code and world.
    async fn answer(&self, words: &[&str]) -> Value {
        let (files, writes) = (self.world.files(), self.writes());
        let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        let (own, of_stage) = words.split_at(at);
        let words = [&["doctor"], own, &["--output", "json"], of_stage].concat();
        let ran = self.world.run(&words).await;
        let answer: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("`{}`: {error}\n{}\n{}", ran.words, ran.stdout, ran.stderr));
        assert_eq!(self.world.changed_since(&files), std::collections::BTreeSet::new(), "`{}`", ran.words);
        if !words.contains(&"--login") {
            assert_eq!(self.writes(), writes, "`{}` changed something", ran.words);
        }
        let in_the_way = answer["inTheWay"].as_bool().expect("a verdict");
        ran.expect(if in_the_way { 3 } else { 0 });
        answer
    }

    /// Requests that change something. A look at a wrapping is a `POST` and takes nothing out.
    fn writes(&self) -> usize {
        let writes = self.world.writes();
        writes.iter().filter(|entry| !entry.path().ends_with("/sys/wrapping/lookup")).count()
    }

    /// Makes a failure of variables, and puts them back.
    async fn with(&mut self, variables: &[(&str, Option<&str>)], words: &[&str], expected: &str) {
        let before = self.world.variables.clone();
        for (name, value) in variables {
            match value {
                Some(value) => self.world.set(name, value),
                None => self.world.unset(name),
            }
        }
        self.has(words, expected).await;
        self.world.variables = before;
    }

    /// Makes a failure of one file, and puts it back. `None` takes it away.
    async fn with_file(&mut self, name: &str, text: Option<&str>, words: &[&str], expected: &str) {
        let before = std::fs::read_to_string(self.world.path(name)).ok();
        match text {
            Some(text) => self.world.write(name, text),
            None => self.world.remove(name),
        }
        self.has(words, expected).await;
        match before {
            Some(before) => self.world.write(name, &before),
            None => self.world.remove(name),
        }
    }

    /// Asserts that a failure is named, and nothing else.
    async fn has(&self, words: &[&str], expected: &str) {
        assert_eq!(self.finds(words).await, [expected]);
    }

    /// Asserts that nothing is wrong.
    async fn is_well(&self, words: &[&str]) {
        assert_eq!(self.finds(words).await, Vec::<String>::new());
    }
}
