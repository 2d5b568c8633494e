//! Plain `curl` pipes: each distinct blob once, from one registry to the other. What a shell script can do that knows beforehand what is missing.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::family::{Family, Image, TARGET};
use super::measure::Program;

/// How its row is called.
pub(crate) const PIPES: &str = "curl pipes: each distinct blob once, 16 at a time";
/// How many blobs at a time.
pub(super) const AT_A_TIME: usize = 16;

/// One shell a blob, the largest first.
pub(super) fn programs(
    curl: &Path,
    family: &Family,
    [source, target]: [SocketAddr; 2],
) -> Result<Vec<Program>> {
    let mut blobs: Vec<_> = family.blobs.values().collect();
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let curl = curl.display();
    let program = |digest: &String| {
        let has = family.images.iter().find(|image| image.blobs.contains(digest));
        let repository = has.map(Image::repository).context("a blob of no image")?;
        let script = format!(
            "set -e\n\
             to=$({curl} -sf -X POST -o /dev/null -w '%header{{location}}' http://{target}/v2/{TARGET}/blobs/uploads/)\n\
             {curl} -sf http://{source}/v2/{repository}/blobs/{digest} |\n\
             {curl} -sf -o /dev/null -T - -H 'content-type: application/octet-stream' \"$to&digest={digest}\"\n"
        );
        Ok(Program { file: "/bin/sh".into(), args: vec!["-c".to_owned(), script] })
    };
    blobs.into_iter().map(|blob| program(&blob.digest)).collect()
}
