//! The names of overlays, and the order in which they are laid.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::Error;

/// What an overlay is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerKind {
    /// An environment, such as `stg_eu00`.
    Environment,
    /// A platform, such as `ios`.
    Platform,
    /// A region, such as `eu`.
    Region,
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::Platform => "platform",
            Self::Region => "region",
        })
    }
}

/// Names of fewer letters are no slips: every other short word would be one.
const SHORT: usize = 4;

/// All overlays of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The kind.
    pub kind: LayerKind,
    /// All names that overlays of this kind may have.
    pub known: BTreeSet<String>,
    /// Those that are laid now, later ones winning. They are known, also where `known` does not have them.
    pub chosen: Vec<String>,
}

/// All names of overlays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    names: BTreeMap<String, (LayerKind, Option<usize>)>,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// An overlay's that is not laid now.
    LeftOut,
    /// An overlay's that is laid after those of lower number.
    Laid(usize),
}

impl Layers {
    /// Puts layers in their order: overlays of later layers win.
    ///
    /// # Errors
    /// [`Error::OverlayName`] for every name that is in two layers, or that no part of a file's name can be.
    pub fn new(layers: Vec<Layer>) -> Result<Self, Vec<Error>> {
        let mut names: BTreeMap<String, (LayerKind, Option<usize>)> = BTreeMap::new();
        let mut errors = Vec::new();
        let mut rank = 0;
        for layer in layers {
            let known: BTreeSet<&String> = layer.known.iter().chain(&layer.chosen).collect();
            for name in known {
                let laid = layer.chosen.iter().position(|chosen| chosen == name).map(|at| rank + at);
                let odd = name.is_empty()
                    || name.contains(['/', '\\', '.'])
                    || name.chars().any(|c| c.is_control() || c.is_whitespace());
                let why = match names.get(name) {
                    _ if odd => Some("it has a dot, a slash, a blank, or nothing at all".to_owned()),
                    Some((other, _)) => Some(format!("it is the name of a {other} and of a {}", layer.kind)),
                    None => None,
                };
                match why {
                    Some(why) => errors.push(Error::OverlayName { name: name.clone(), why }),
                    None => drop(names.insert(name.clone(), (layer.kind, laid))),
                }
            }
            rank += layer.chosen.len();
        }
        if errors.is_empty() { Ok(Self { names }) } else { Err(errors) }
    }

    /// The names of all overlays, comma-separated.
    pub fn known(&self) -> String {
        self.names.keys().cloned().collect::<Vec<_>>().join(", ")
    }

    /// The names that are laid now, in their order.
    pub fn chosen(&self) -> Vec<(&str, LayerKind)> {
        let mut chosen: Vec<(usize, &str, LayerKind)> = self
            .names
            .iter()
            .filter_map(|(name, (kind, laid))| laid.map(|rank| (rank, name.as_str(), *kind)))
            .collect();
        chosen.sort_unstable();
        chosen.into_iter().map(|(_, name, kind)| (name, kind)).collect()
    }

    pub(crate) fn rank(&self, name: &str) -> Option<Rank> {
        self.names.get(name).map(|(_, laid)| laid.map_or(Rank::LeftOut, Rank::Laid))
    }

    /// A name that is known and differs from this one in case alone.
    pub(crate) fn nearly(&self, name: &str) -> Option<&str> {
        let lower = name.to_lowercase();
        self.names.keys().map(String::as_str).find(|known| *known != name && known.to_lowercase() == lower)
    }

    /// A name that is known and of which this one may be a slip.
    pub(crate) fn misspelt(&self, name: &str) -> Option<&str> {
        self.names.keys().map(String::as_str).find(|known| is_slip(name, known))
    }
}

/// Whether a letter more, less or another, or two that are exchanged, make one name of the other.
fn is_slip(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (mut one, mut other) = (&one[..], &other[..]);
    if one.len() < SHORT || other.len() < SHORT || one == other {
        return false;
    }
    while let ([first, rest @ ..], [same, others @ ..]) = (one, other)
        && first == same
    {
        (one, other) = (rest, others);
    }
    while let ([rest @ .., last], [others @ .., same]) = (one, other)
        && last == same
    {
        (one, other) = (rest, others);
    }
    match (one, other) {
        ([] | [_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, LayerKind, Layers, Rank};

    fn layer(kind: LayerKind, known: &[&str], chosen: &[&str]) -> Layer {
        Layer {
            kind,
            known: known.iter().map(|&name| name.to_owned()).collect(),
            chosen: chosen.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        for (one, other, is_one) in [
            ("stg_eu0", "stg_eu00", true),
            ("stg_eu000", "stg_eu00", true),
            ("stg_eu01", "stg_eu00", true),
            ("andriod", "android", true),
            ("tsg_eu00", "stg_eu00", true),
            ("android", "android", false),
            ("schema", "android", false),
            ("stg_us01", "stg_eu00", false),
            ("en", "eu", false),
            ("prod", "pro", false),
        ] {
            assert_eq!(super::is_slip(one, other), is_one, "{one} {other}");
            assert_eq!(super::is_slip(other, one), is_one, "{other} {one}");
        }
    }

    #[test]
    fn later_layers_come_later() {
        let layers = Layers::new(vec![
            layer(LayerKind::Platform, &["ios", "android"], &["ios"]),
            layer(LayerKind::Environment, &["prod"], &["stg", "stg_eu00"]),
        ]);
        let layers = layers.expect("well");
        assert_eq!(layers.known(), "android, ios, prod, stg, stg_eu00");
        let chosen: Vec<&str> = layers.chosen().into_iter().map(|(name, _)| name).collect();
        assert_eq!(chosen, ["ios", "stg", "stg_eu00"]);
        assert_eq!(
            [layers.rank("prod"), layers.rank("stg"), layers.rank("x")],
            [Some(Rank::LeftOut), Some(Rank::Laid(1)), None]
        );
        assert_eq!(layers.nearly("STG"), Some("stg"));
    }

    #[test]
    fn a_name_has_one_meaning() {
        let errors = Layers::new(vec![
            layer(LayerKind::Platform, &["eu", "a.b"], &[]),
            layer(LayerKind::Region, &["eu"], &["", "../x"]),
        ]);
        let errors: Vec<String> = errors.expect_err("odd").iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        `a.b` cannot name overlays: it has a dot, a slash, a blank, or nothing at all
        `` cannot name overlays: it has a dot, a slash, a blank, or nothing at all
        `../x` cannot name overlays: it has a dot, a slash, a blank, or nothing at all
        `eu` cannot name overlays: it is the name of a platform and of a region
        ");
    }
}
