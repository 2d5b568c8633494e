//! What became of each image: the log on disk, the items of the report, the ledger.

use std::time::Duration;

use landfall_artifacts::{
    Class, Digest, HttpStatus, ImageLock, Mode, Problem, Promotion, PromotionLog, PromotionLogWriter,
    ReleaseId,
};
use landfall_ledger::Ledger;
use landfall_run::Run;

use super::asked::Asked;
use super::{Config, Way, ledger, shown};
use crate::{Finished, Item, Outcome, Output, Refusal};

/// How one image's promotion ended, or what it would come to.
pub(super) struct Ended {
    /// Repository and tag that it is promoted from.
    pub(super) source: String,
    /// Repository and tag that it is promoted to.
    pub(super) target: String,
    /// What the source names, where that was seen.
    pub(super) source_digest: Option<Digest>,
    /// Bytes that were sent for it.
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) how: How,
}

/// How a promotion ended.
#[derive(Clone, Debug)]
pub(super) enum How {
    /// It was done and read back.
    Promoted {
        digest: Digest,
        /// What the target tag named before.
        replaced: Option<Digest>,
        /// The HTTP status that it was answered with.
        status: u16,
    },
    /// The target has the content already.
    Already { digest: Digest },
    /// It would be done.
    Planned { digest: Digest, replaces: Option<Digest> },
    /// It was not done, or it is not known whether it was.
    Failed {
        problem: Problem,
        /// The HTTP status of the answer that it failed with; 0 where none came.
        status: u16,
    },
}

impl How {
    pub(super) fn failed(problem: Problem, status: Option<u16>) -> Self {
        Self::Failed { problem, status: status.unwrap_or(0) }
    }

    /// In words, for the progress.
    pub(super) fn said(&self) -> &'static str {
        match self {
            Self::Promoted { .. } => "promoted",
            Self::Already { .. } => "there already",
            Self::Planned { .. } => "would be promoted",
            Self::Failed { .. } => "not promoted",
        }
    }
}

impl Ended {
    /// Without anything but its ending.
    pub(super) fn at_once(source: String, target: String, how: How) -> Self {
        Self { source, target, source_digest: None, bytes: 0, took: Duration::ZERO, how }
    }
}

/// An image whose content is at its target, for the ledger.
pub(super) struct There {
    pub(super) asked: Asked,
    pub(super) target: String,
    pub(super) digest: Digest,
}

/// The record of a run, or of what a dry run foretells.
pub(super) struct Record<'a> {
    config: &'a Config,
    way: &'a Way,
    release: ReleaseId,
    run: &'a Run,
    /// `None` on a dry run.
    log: Option<PromotionLogWriter>,
    rows: Vec<shown::Row>,
    there: Vec<There>,
    left: usize,
    finished: Finished,
}

impl<'a> Record<'a> {
    /// The record of a run: its log is begun on disk.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub(super) fn started(
        config: &'a Config,
        way: &'a Way,
        release: ReleaseId,
        run: &'a Run,
    ) -> Result<Self, Refusal> {
        let log = PromotionLogWriter::start(&config.log, run.clock().now())?;
        Ok(Self { log: Some(log), ..Self::foretold(config, way, release, run) })
    }

    /// The record of a dry run.
    pub(super) fn foretold(config: &'a Config, way: &'a Way, release: ReleaseId, run: &'a Run) -> Self {
        Self {
            config,
            way,
            run,
            log: None,
            rows: Vec::new(),
            there: Vec::new(),
            left: 0,
            finished: Finished { release: Some(release.clone()), ..Finished::default() },
            release,
        }
    }

    pub(super) fn is_foretold(&self) -> bool {
        self.log.is_none()
    }

    pub(super) fn release(&self) -> &ReleaseId {
        &self.release
    }

    pub(super) fn warn(&mut self, text: String) {
        self.finished.warnings.push(text);
    }

    /// Notes a problem that is no single image's.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.finished.problems.push(problem);
    }

    /// Notes how an image ended. On disk the log has it when this returns.
    pub(super) fn ended(&mut self, asked: &Asked, ended: Ended) {
        if let Some(log) = &mut self.log {
            // The entry is kept all the same: what the end says of the file decides.
            let _ = log.append(entry(asked, &ended.how, self.run));
        }
        if let How::Promoted { digest, .. } | How::Already { digest } = ended.how {
            self.there.push(There { asked: asked.clone(), target: ended.target.clone(), digest });
        }
        self.rows.push(shown::row(asked, &ended, self.log.is_none()));
        self.finished.items.push(item(asked, &ended, self.log.is_none()));
    }

    /// Notes an image whose turn did not come.
    pub(super) fn not_tried(&mut self, asked: &Asked, target: String) {
        self.left += 1;
        self.rows.push(shown::Row::new(asked, "not tried", None, String::new()));
        self.finished.items.push(Item::new(asked.project.as_str(), "not-tried").with("target", target));
    }

    /// Ends the log, tells the ledger, and says what it came to.
    ///
    /// # Errors
    /// A foretold log that cannot be written.
    pub(super) async fn finish(
        mut self,
        lock: Option<&ImageLock>,
        ledger: &Ledger,
        output: &Output,
    ) -> Outcome {
        self.finished.items.sort_by(|a, b| a.name.cmp(&b.name));
        self.rows.sort();
        self.finished.lines = shown::listed(&self.rows);
        let now = self.run.clock().now();
        let Some(log) = self.log else {
            let log = PromotionLog { promotions: Vec::new(), completed_at: now };
            self.finished.files.push(output.write(&self.config.log, &log.to_bytes(), Mode::Shared)?);
            shown::foretell(self.way, &mut self.finished);
            return Ok(self.finished);
        };
        self.finished.note_stop(self.run, self.left);
        match log.finish(now) {
            Ok((_, file)) => self.finished.files.push(file),
            Err(error) => self.finished.problems.push(Problem::of(&error)),
        }
        if let Err(problems) =
            ledger::record(self.config, self.way, ledger, &self.release, self.there, lock).await
        {
            self.finished.problems.extend(problems);
        }
        shown::conclude(self.config, self.way, &mut self.finished);
        Ok(self.finished)
    }
}

fn entry(asked: &Asked, how: &How, run: &Run) -> Promotion {
    let (status, success) = match how {
        How::Promoted { status, .. } => (*status, true),
        // Nothing was asked for where the target was right already: what answered was the look at it.
        How::Already { .. } => (200, true),
        How::Planned { .. } => (0, false),
        How::Failed { status, .. } => (*status, false),
    };
    let promotion = Promotion {
        package: asked.project.clone(),
        version: asked.version.clone(),
        http_status: HttpStatus(status),
        timestamp: run.clock().now(),
        success,
        response: None,
    };
    match how {
        How::Failed { problem, .. } => promotion.with_response(&run.redactor().redact(&problem.told())),
        How::Promoted { .. } | How::Already { .. } | How::Planned { .. } => promotion,
    }
}

/// What became of an image that was not promoted, as a word.
pub(super) fn word(problem: &Problem, foretold: bool) -> &'static str {
    match problem.class {
        Class::Unknown => "unknown",
        Class::Refused | Class::Input | Class::Integrity if foretold => "refused",
        _ => "failed",
    }
}

fn item(asked: &Asked, ended: &Ended, foretold: bool) -> Item {
    let name = asked.project.as_str();
    let (item, digest, replaced) = match &ended.how {
        How::Promoted { digest, replaced, .. } => {
            (Item::new(name, "promoted").changed(), Some(digest), *replaced)
        }
        How::Already { digest } => (Item::new(name, "unchanged"), Some(digest), None),
        How::Planned { digest, replaces } => (Item::new(name, "planned"), Some(digest), *replaces),
        How::Failed { problem, .. } => {
            (Item::new(name, word(problem, foretold)).failed(problem.clone()), None, None)
        }
    };
    let mut item = item
        .with("source", ended.source.clone())
        .with("target", ended.target.clone())
        .with("digest", digest.map(ToString::to_string));
    if let Some(found) = ended.source_digest.as_ref().or(digest) {
        item = item.with("sourceDigest", found.to_string());
    }
    if let Some(replaced) = replaced {
        item = item.with("replaced", replaced.to_string());
    }
    item.bytes = ended.bytes;
    item.duration_ms = u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX);
    item
}
