//! What figures depend on: processors, memory, versions of the peers. Nothing that names the machine.

use std::path::Path;
use std::process::Command;

/// Processors, memory, and what temporary files are on, in one line.
pub(crate) fn describe() -> String {
    let files = file_system(&std::env::temp_dir()).map_or(String::new(), |kind| format!(", files on {kind}"));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = memory("MemTotal").map_or(String::new(), |bytes| format!(", {} GiB of memory", bytes >> 30));
    format!(
        "{cores} cores of {}{memory}{files}",
        processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned())
    )
}

/// The kind of file system that a folder is on, such as `ext4`; memory, as `tmpfs` is, knows no slow disk.
fn file_system(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' '));
    let at = fields.filter_map(|mut fields| Some((Path::new(fields.nth(1)?), fields.next()?)));
    let holding = at.filter(|(place, _)| folder.starts_with(place));
    holding.max_by_key(|(place, _)| place.components().count()).map(|(_, kind)| kind.to_owned())
}

/// How many processes wanted a processor in the last minute, on average: more than there are cores means that times are longer than on
/// an idle machine. `None` where that is not told.
pub(crate) fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A row of Linux's table of memory, in bytes.
pub(crate) fn memory(row: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(':'))?;
    Some(rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The version that a program says it has.
pub(crate) fn version(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let is_version =
        |word: &&str| word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit());
    text.split_whitespace().find(is_version).map_or_else(|| "of unknown version".to_owned(), str::to_owned)
}
