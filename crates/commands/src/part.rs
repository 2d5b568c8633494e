//! Which part of which work a stage does, for the lock of its environment.

use std::fmt::Write as _;
use std::path::Path;

use landfall_artifacts::{Digest, ImageLock, Mappings, Shard, Versions};
use landfall_cli::{Layers, Opt, Values};
use landfall_ledger::Part;

/// The part that `--shard` names of the work that the options of `alike` say; `None` where the stage does the whole. A part that
/// can be none the stage itself refuses.
///
/// Parts hold an environment beside each other only where all of this is the same for them. What a stage reads elsewhere is not
/// among it, such as what the example of `--like` runs: the stage itself holds that against what the first part of the work saw.
pub(crate) fn part(options: &[Opt], layers: &Layers, stage: &str, alike: &[&str]) -> Option<Part> {
    let is_declared = options.iter().any(|option| option.name == "shard");
    let text = if is_declared { Values::new(options, layers).text("shard") } else { None };
    let shard: Shard = text?.parse().ok()?;
    (shard.of() > 1).then(|| Part { shard, work: work(options, layers, stage, alike) })
}

/// A digest of the work that the options of `alike` say, which is that of all its parts.
pub(crate) fn work(options: &[Opt], layers: &Layers, stage: &str, alike: &[&str]) -> Digest {
    let values = Values::new(options, layers);
    let mut work = format!("landfall work 1\n{stage}\n");
    for name in alike {
        let value = values.text(name).unwrap_or_default();
        let value = content(name, Path::new(&value)).unwrap_or(value);
        let _ = writeln!(work, "{name} {} {value}", value.len());
    }
    Digest::of(work.as_bytes())
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
