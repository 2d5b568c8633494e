//! Where pipelines are run: the repo, what its jobs see of it, and who watches.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Class, Problem, RunReport, Settings};
use landfall_cli::Look;
use landfall_pipeline::Pipeline;
use landfall_run::Event;
use landfall_runner::{Asking, Deps, Earlier, Order, Placed, Runs, Source, Tell, execute};
use landfall_stages::Refusal;

use super::lines::Lines;
use super::tree::Tree;
use super::want::{Want, Wanted};
use super::{around, ask, no_folder};
use crate::{Context, git};

/// Where pipelines are run.
pub(super) struct Here<'h> {
    pub(super) context: &'h Context,
    pub(super) runs: &'h Runs,
    pub(super) folder: &'h Path,
    pub(super) want: &'h Want,
}

impl Here<'_> {
    /// Runs one; its jobs see the commit that those of `before` saw.
    pub(super) async fn run(
        &self,
        pipeline: &Pipeline,
        wanted: &Wanted,
        before: Option<&RunReport>,
    ) -> Result<RunReport, Refusal> {
        let context = self.context;
        let source = self.source(before).await?;
        if let Some(earlier) = &wanted.earlier {
            self.settled(earlier, &source).await?;
        }
        let run_folder = self.runs.begin(context.run().clock().now())?;
        let program = std::env::current_exe().map_err(|cause| no_folder(&cause))?;
        let tools = run_folder.path.join("bin");
        around::put_program(&tools, &program).map_err(|cause| no_folder(&cause))?;
        let around =
            around::surroundings(context, self.folder, &tools, &source, &wanted.seen(), &self.want.pass);
        let keeper = [program.to_string_lossy().into_owned(), crate::tool::KEEP_JOB.to_owned()];
        let look = Look::of(context.environment(), std::io::stderr().is_terminal());
        let is_watched = look.bars && std::io::stdin().is_terminal();
        let (tree, tell): (Option<Arc<Tree>>, Arc<dyn Tell>) = if look.bars {
            let tree = Arc::new(Tree::new(look));
            (Some(Arc::clone(&tree)), tree)
        } else {
            (None, Arc::new(Lines::new(look)))
        };
        let asking: Option<Asking> = is_watched.then(|| -> Asking { Arc::new(ask::start) });
        let jobs = wanted.jobs(pipeline);
        let manual = self.want.manual_of(pipeline, wanted);
        let order = Order {
            pipeline,
            jobs: &jobs,
            manual: &manual,
            environments: &wanted.environments,
            inputs: &wanted.inputs,
            earlier: wanted.earlier.as_ref().map(|earlier| &earlier.report),
            slots: self.want.slots,
            grace: self.want.grace,
            keep_workspaces: self.want.keep_workspaces,
        };
        let deps = Deps {
            runs: self.runs,
            folder: &run_folder,
            source: &source,
            around: &around,
            keeper: &keeper,
            tell: tell.as_ref(),
            asking,
        };
        // Durations go on while nothing happens.
        let ticking = tree.clone().map(|tree| {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    tree.tick();
                }
            })
        });
        let report = execute(&order, &deps, context.run()).await;
        if let Some(ticking) = ticking {
            ticking.abort();
        }
        if let Some(tree) = tree {
            tree.close();
        }
        Ok(report?)
    }

    fn warn(&self, what: String) {
        self.context.run().progress().event(Event::Warning(what));
    }

    /// Waits for what a killed runner left of the run whose files are taken over; that jobs see another commit than those files are of is said.
    ///
    /// # Errors
    /// A stop meanwhile: no new run is begun then, so that the next one waits for the same.
    async fn settled(&self, earlier: &Earlier, source: &Source) -> Result<(), Refusal> {
        let report = &earlier.report;
        if report.commit.as_str() != source.commit {
            let (was, is) = (short(report.commit.as_str()), short(&source.commit));
            self.warn(format!(
                "files of earlier jobs are those of the run {}, of the commit {was}; jobs see {is}",
                report.id
            ));
        }
        let told = || {
            self.warn(format!(
                "the runner of {} was killed: what it left is ending, and waited for",
                report.id
            ));
        };
        tokio::select! {
            () = earlier.settled(told) => Ok(()),
            () = self.context.run().stop().wait() => {
                let what = format!("stopped while what is left of the run {} was waited for", report.id);
                let problem = Problem::new("LF-RUN-STOPPED", Class::Interrupted, what);
                Err(Refusal::one(problem.with_remedy("run the same again")))
            }
        }
    }

    /// What jobs see of the repo; what they do not see is said.
    async fn source(&self, before: Option<&RunReport>) -> Result<Source, Refusal> {
        let context = self.context;
        let mut source = Source::of(self.folder, git::variables(context.environment())).await?;
        if let Some(before) = before {
            let head = short(&source.commit);
            source = source.at(self.folder, &before.commit, before.branch.as_deref()).await?;
            let seen = short(&source.commit);
            if head != seen {
                self.warn(format!(
                    "jobs see the commit {seen}, as those of the run {}, and not {head}, which is checked out: a new run sees that",
                    before.id
                ));
            }
        }
        if source.uncommitted > 0 {
            let count = source.uncommitted;
            let files = if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") };
            let seen = short(&source.commit);
            self.warn(format!(
                "{files} changed or new and not committed: jobs see the commit {seen} without that"
            ));
        }
        // The pipeline is of these settings, and so are its stages.
        let settings = context.values().text("config").unwrap_or_default();
        for (name, private, most) in
            [(settings.as_str(), false, Settings::MAX_BYTES), (".env", true, 64 * 1024)]
        {
            let is_inside = around::is_placed(name);
            let read = landfall_artifacts::read_bounded(&self.folder.join(name), most);
            if let (true, Ok(bytes)) = (is_inside, read) {
                source = source.with(Placed { name: name.to_owned(), bytes, private });
            }
        }
        Ok(source)
    }
}

/// A commit as people know it.
fn short(commit: &str) -> String {
    commit.chars().take(12).collect()
}
