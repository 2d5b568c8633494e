//! Which part of which work a stage does, for the lock of its environment.

use std::fmt::Write as _;
use std::path::Path;

use landfall_artifacts::{Digest, ImageLock, Mappings, Shard, Versions};
use landfall_cli::Values;
use landfall_ledger::Part;

use crate::prepare::Prepared;

/// The part that `--shard` names of the work that the options of `alike` say; `None` where the stage does the whole. A part that
/// can be none the stage itself refuses.
///
/// Parts hold an environment beside each other only where all of this is the same for them: two runs that bring different things
/// exclude each other, also where each is split.
pub(crate) fn part(prepared: &Prepared, stage: &str, alike: &[&str]) -> Option<Part> {
    let values = Values::new(&prepared.options, &prepared.layers);
    let is_declared = prepared.options.iter().any(|option| option.name == "shard");
    let text = if is_declared { values.text("shard") } else { None };
    let shard: Shard = text?.parse().ok()?;
    let mut work = format!("landfall work 1\n{stage}\n");
    for name in alike {
        let value = values.text(name).unwrap_or_default();
        let value = content(name, Path::new(&value)).unwrap_or(value);
        let _ = writeln!(work, "{name} {} {value}", value.len());
    }
    (shard.of() > 1).then(|| Part { shard, work: Digest::of(work.as_bytes()) })
}

/// The digest of what a file says, however it is written down; `None` where the option names no file, or none that can be read,
/// which the stage itself refuses.
fn content(name: &str, path: &Path) -> Option<String> {
    let bytes = match name {
        "versions" => Versions::read(path).ok()?.to_bytes(),
        "mappings" => Mappings::read(path).ok()?.to_bytes(),
        "lock" => ImageLock::read(path).ok()?.to_bytes(),
        _ => return None,
    };
    Some(Digest::of(&bytes).to_string())
}
