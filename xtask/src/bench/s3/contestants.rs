//! The tools, and how each is told to publish a folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::server::{BUCKET, PREFIX};
use crate::bench::measure::Program;
use crate::real_servers::S3Programs;

pub(super) const OURS: &str = "landfall";
/// The same with larger pages, which this server gives, and S3 does not.
pub(super) const OURS_BY_LARGE_PAGES: &str = "landfall --page-size 8000";
pub(super) const RCLONE: &str = "rclone, 32 at a time";
pub(super) const S5CMD: &str = "s5cmd";

/// A tool.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    file: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Ours,
    OursByLargePages,
    Rclone,
    S5cmd,
    AwsCli,
}

/// All of them, ours first.
pub(super) fn all(ours: &Path, programs: &S3Programs) -> Vec<Contestant> {
    let one = |name, file: &Path, kind| Contestant { name, file: file.to_owned(), kind };
    vec![
        one(OURS, ours, Kind::Ours),
        one(OURS_BY_LARGE_PAGES, ours, Kind::OursByLargePages),
        one(RCLONE, &programs.rclone, Kind::Rclone),
        one(S5CMD, &programs.s5cmd, Kind::S5cmd),
        one("aws s3 sync", &programs.aws_cli, Kind::AwsCli),
    ]
}

impl Contestant {
    /// Publishes the folder, and deletes what it has not.
    pub(super) fn program(&self, folder: PathBuf, address: SocketAddr) -> Program {
        let (folder, to) = (folder.display().to_string(), format!("s3://{BUCKET}/{PREFIX}"));
        let words: Vec<String> = match self.kind {
            // The server lists no ETags, so that what was published is looked up in the manifest.
            Kind::Ours | Kind::OursByLargePages => {
                let options = ["--manifest", "--delete", "--quiet", "--bucket-owner", "123456789012"];
                let is_large = matches!(self.kind, Kind::OursByLargePages);
                let more: &[&str] = if is_large { &["--page-size", "8000"] } else { &[] };
                let options = options.iter().chain(more).map(|option| (*option).to_owned());
                [folder, to].into_iter().chain(options).collect()
            }
            Kind::Rclone => [
                ["sync", &folder, &format!(":s3:{BUCKET}/{PREFIX}")].map(str::to_owned).to_vec(),
                ["--s3-provider", "Other", "--s3-env-auth", "--s3-force-path-style", "--s3-no-check-bucket"]
                    .map(str::to_owned)
                    .to_vec(),
                vec!["--s3-endpoint".into(), format!("http://{address}")],
                ["--transfers", "32", "--checkers", "32", "--checksum", "--fast-list"]
                    .map(str::to_owned)
                    .to_vec(),
            ]
            .concat(),
            Kind::S5cmd => {
                ["sync", "--delete", &format!("{folder}/"), &format!("{to}/")].map(str::to_owned).to_vec()
            }
            Kind::AwsCli => {
                ["s3", "sync", &folder, &to, "--delete", "--only-show-errors"].map(str::to_owned).to_vec()
            }
        };
        let words = match self.kind {
            Kind::S5cmd => [vec!["--endpoint-url".into(), format!("http://{address}")], words].concat(),
            Kind::Ours | Kind::OursByLargePages | Kind::Rclone | Kind::AwsCli => words,
        };
        Program { file: self.file.clone(), args: words }
    }
}
