//! What the name of a file says.

use crate::error::Error;
use crate::layers::Layers;

/// The folder whose folders are overlays.
const FOLDER: &str = "overlays";

/// What a name says.
pub(super) struct Named<'s> {
    /// The file in the source.
    pub(super) source: &'s str,
    /// Of an overlay the path of its base, else its own.
    pub(super) at: String,
    /// The overlay's name, where it is one.
    pub(super) overlay: Option<String>,
    /// Whether it lies in a folder of overlays.
    pub(super) in_folder: bool,
    /// A known name of which a part of its name differs in case alone.
    pub(super) nearly: Option<String>,
    /// A known name of which a part of its name may be a slip, and the base that it would be laid over.
    pub(super) misspelt: Option<(String, String)>,
}

/// Understands a name.
///
/// # Errors
/// [`Error::UnknownOverlay`] and [`Error::Nested`].
pub(super) fn named<'s>(source: &'s str, layers: &Layers) -> Result<Named<'s>, Error> {
    match in_folder(source) {
        None => {
            let Some((at, middle)) = without_middle(source) else { return Ok(plain(source)) };
            if layers.rank(middle).is_some() {
                let overlay = Some(middle.to_owned());
                return Ok(Named { source, at, overlay, in_folder: false, nearly: None, misspelt: None });
            }
            let nearly = layers.nearly(middle).map(str::to_owned);
            let misspelt = layers.misspelt(middle).filter(|_| nearly.is_none());
            let misspelt = misspelt.map(|known| (known.to_owned(), at));
            Ok(Named { nearly, misspelt, ..plain(source) })
        }
        Some(Inner { above, name, rest }) => {
            let known = name.filter(|name| layers.rank(name).is_some());
            let (Some(name), Some(rest)) = (known, rest) else {
                let folder = format!("{above}{FOLDER}/{}", name.unwrap_or_default());
                return Err(Error::UnknownOverlay { folder, known: layers.known() });
            };
            let is_nested = in_folder(rest).is_some()
                || without_middle(rest).is_some_and(|(_, middle)| layers.rank(middle).is_some());
            if is_nested {
                return Err(Error::Nested { overlay: source.to_owned() });
            }
            let (at, overlay) = (format!("{above}{rest}"), Some(name.to_owned()));
            Ok(Named { source, at, overlay, in_folder: true, nearly: None, misspelt: None })
        }
    }
}

fn plain(source: &str) -> Named<'_> {
    Named { source, at: source.to_owned(), overlay: None, in_folder: false, nearly: None, misspelt: None }
}

struct Inner<'s> {
    /// What is above the folder `overlays`, with its `/`.
    above: &'s str,
    /// The folder of the overlay; none for a file that lies in `overlays` itself.
    name: Option<&'s str>,
    /// What is below that.
    rest: Option<&'s str>,
}

/// A path in a folder of overlays.
fn in_folder(path: &str) -> Option<Inner<'_>> {
    let mut start = 0;
    for (end, _) in path.match_indices('/') {
        if path.get(start..end)? == FOLDER {
            let inner = path.get(end + 1..)?;
            let (name, rest) = match inner.split_once('/') {
                Some((name, rest)) => (Some(name), Some(rest)),
                None => (None, None),
            };
            return Some(Inner { above: path.get(..start)?, name, rest });
        }
        start = end + 1;
    }
    None
}

/// A path without the middle part of its name, and that part: `d/app.stg.json` is `d/app.json` and `stg`.
fn without_middle(path: &str) -> Option<(String, &str)> {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, name) = (path.get(..name_at)?, path.get(name_at..)?);
    let (rest, extension) = name.rsplit_once('.')?;
    let (stem, middle) = rest.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| (format!("{folder}{stem}.{extension}"), middle))
}
