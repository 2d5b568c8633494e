//! The workspace as a commit has it, and what a run comes to by it.

use std::collections::BTreeMap;

use landfall_artifacts::{CommitId, Problem, ProjectName};
use landfall_run::Run;
use landfall_versioning::{
    CommitTree, Forced, Git, History, Plan, ProjectGraph, Request, Settled, Situation, Sources, Tag, Tree,
    later_releases, plan, settled_by, settled_on_base, unreleased, written_versions,
};
use semver::Version;

use super::{Config, unknown};
use crate::Refusal;
use crate::changed_images::read_graph;

/// The workspace as a commit has it.
pub(super) struct Workspace {
    tree: CommitTree,
    graph: ProjectGraph,
    written: BTreeMap<ProjectName, Version>,
}

/// Plans, and refuses what stands in the way: by the first release that has the run's commit, else on the base.
pub(super) async fn settled(
    config: &Config,
    git: &Git,
    situation: &mut Situation,
    run: &Run,
) -> Result<(Workspace, Settled), Refusal> {
    for at in later_releases(situation, &config.request.format) {
        let tree = git.commit_tree(&at, run).await?;
        // What cannot be read was released by nobody.
        let Ok(workspace) = Workspace::read(config, tree) else { continue };
        workspace.read_texts(config, git, situation, &at, run).await?;
        let history = situation.history.of(&at);
        let sources = workspace.sources(&history, &situation.tags);
        let read = &mut |commit: &CommitId, path: &str| workspace.tree.read_at(commit, path);
        if let Some(settled) = settled_by(situation, &at, &sources, &config.request, read) {
            workspace.refuse_unknown(config)?;
            return Ok((workspace, settled));
        }
    }
    let base = situation.ground.base.clone();
    let workspace = Workspace::read(config, git.commit_tree(&base, run).await?)?;
    workspace.refuse_unknown(config)?;
    workspace.read_texts(config, git, situation, &base, run).await?;
    let sources = workspace.sources(&situation.history, &situation.tags);
    let read = &mut |commit: &CommitId, path: &str| workspace.tree.read_at(commit, path);
    let settled = settled_on_base(situation, &sources, &config.request, read);
    if settled.plan.conflicts.is_empty() {
        Ok((workspace, settled))
    } else {
        Err(Refusal(settled.plan.conflicts.iter().map(|error| Problem::of(error.as_ref())).collect()))
    }
}

impl Workspace {
    /// Reads projects, what they depend on, and their versions.
    fn read(config: &Config, tree: CommitTree) -> Result<Self, Refusal> {
        let graph = read_graph(config.nx_graph.as_deref(), config.functions.clone().into(), &tree)?;
        let written = written_versions(&tree, &graph)?;
        Ok(Self { tree, graph, written })
    }

    /// The files of the commit.
    pub(super) fn tree(&self) -> &dyn Tree {
        &self.tree
    }

    /// What the graph is not certain of.
    pub(super) fn uncertainties(&self) -> &[String] {
        self.graph.uncertainties()
    }

    /// Refuses bumps of projects that are not there.
    fn refuse_unknown(&self, config: &Config) -> Result<(), Refusal> {
        let known: Vec<&ProjectName> = self
            .graph
            .projects()
            .filter(|project| project.is_versioned)
            .map(|project| &project.name)
            .collect();
        match config.request.forced.projects.keys().find(|name| !known.contains(name)) {
            Some(name) => Err(unknown(name.as_str(), known.iter().map(ToString::to_string).collect()).into()),
            None => Ok(()),
        }
    }

    /// Reads the texts of the commits that a plan at this commit looks at, as far as they were not read.
    async fn read_texts(
        &self,
        config: &Config,
        git: &Git,
        situation: &mut Situation,
        at: &CommitId,
        run: &Run,
    ) -> Result<(), Refusal> {
        let history = situation.history.of(at);
        let mut wanted = unreleased(&self.sources(&history, &situation.tags), &config.request);
        let is_read = |id: &CommitId| {
            let place = history.place(id);
            place.and_then(|place| history.commits().get(place)).is_some_and(|commit| commit.text.is_some())
        };
        wanted.retain(|id| !is_read(id));
        git.read_texts(&mut situation.history, &wanted, run).await?;
        Ok(())
    }

    fn sources<'a>(&'a self, history: &'a History, tags: &'a [Tag]) -> Sources<'a> {
        Sources { graph: &self.graph, history, tags, written: &self.written }
    }

    /// The plan that made a project's last version, where it gets no new one: what is asked for then is why it has that.
    pub(super) fn last_release(
        &self,
        config: &Config,
        situation: &Situation,
        asked: &str,
        settled: &Settled,
    ) -> Option<Plan> {
        let planned = settled.plan.projects.iter().find(|(name, _)| name.as_str() == asked)?.1;
        let last = planned.last.as_ref().filter(|_| planned.next.is_none())?;
        let history = situation.history.of(&last.commit);
        let tags: Vec<Tag> = situation.tags.iter().filter(|tag| tag.name != last.tag).cloned().collect();
        let request = Request { forced: Forced::default(), ..config.request.clone() };
        let read = &mut |commit: &CommitId, path: &str| self.tree.read_at(commit, path);
        Some(plan(&self.sources(&history, &tags), &request, read))
    }
}
