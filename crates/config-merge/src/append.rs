//! Lists that overlays add to.

use crate::value::step;

/// A list that overlays add to instead of replacing it: where it stands, perhaps in one file alone.
///
/// Written as a JSON pointer (RFC 6901) in which `*` stands for any one step, after the path of a file and `#` where it is
/// meant for that file alone: `/features`, `/services/*/hosts`, `payments/app.yaml#/hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    file: Option<String>,
    steps: Vec<String>,
}

/// A text that names no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no JSON pointer such as /features or app.json#/features")]
pub struct AppendError;

impl std::str::FromStr for Append {
    type Err = AppendError;

    fn from_str(text: &str) -> Result<Self, AppendError> {
        // A step may have a `#` in it; a file that is named before it may not.
        let (file, pointer) = match text.split_once('#') {
            Some((file, pointer)) if !file.starts_with('/') && !file.is_empty() => (Some(file), pointer),
            _ => (None, text),
        };
        let steps = match pointer.strip_prefix('/') {
            Some(steps) => steps.split('/').map(|one| format!("/{one}")).collect(),
            None if pointer.is_empty() && file.is_some() => Vec::new(),
            None => return Err(AppendError),
        };
        Ok(Self { file: file.map(str::to_owned), steps })
    }
}

impl Append {
    /// Whether it is meant for the value of this way of keys in this file.
    pub(crate) fn is_for(&self, file: &str, way: &[String]) -> bool {
        self.file.as_deref().is_none_or(|own| own == file)
            && self.steps.len() == way.len()
            && self.steps.iter().zip(way).all(|(wanted, key)| wanted == "/*" || *wanted == step(key))
    }
}

impl std::fmt::Display for Append {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}#")?;
        }
        f.write_str(&self.steps.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::Append;

    #[test]
    fn a_way_is_met_by_its_steps() {
        let met = |text: &str, file: &str, way: &[&str]| {
            let way: Vec<String> = way.iter().map(|&key| key.to_owned()).collect();
            text.parse::<Append>().map(|append| append.is_for(file, &way))
        };
        assert_eq!(met("/a/*/c", "x.json", &["a", "b", "c"]), Ok(true));
        assert_eq!(met("/a/*/c", "x.json", &["a", "c"]), Ok(false));
        assert_eq!(met("y.json#/a", "x.json", &["a"]), Ok(false));
        assert_eq!(met("d/x.json#/a~1b", "d/x.json", &["a/b"]), Ok(true));
        assert_eq!(met("x.json#", "x.json", &[]), Ok(true));
        assert_eq!(met("/a#b", "x.json", &["a#b"]), Ok(true));
        for odd in ["", "a", "x.json#a", "#a"] {
            assert!(odd.parse::<Append>().is_err(), "{odd}");
        }
    }
}
