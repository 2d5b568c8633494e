//! The story that the demo tells: a release from `project.json` to release candidates, with one thing that goes wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use landfall_sandbox::{Sandbox, SandboxOptions, sample};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::checks;
use super::screen::Screen;

/// The project whose image the story forgets to build.
const FORGOTTEN: &str = "shippingLabels";

/// Nothing in the demo takes longer; a step that does is ended.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// Tells the story; true where every check of the end state held.
pub(crate) async fn tell(place: &Place) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let screen = Screen::new();
    let sandbox = Sandbox::start(SandboxOptions::default()).await.context("the sandbox does not start")?;
    sample::write_repo(place.repo()).context("the sample repo cannot be written")?;
    sample::load_except(&sandbox, &[FORGOTTEN])?;

    screen.part("Landfall takes a release from project.json to running code.");
    screen.said(
        "Vault, STS, Artifactory, ECR, Lambda and Jira are stand-ins inside this process, on 127.0.0.1.",
    );
    screen.said(&format!("The sample repo with six functions is in {}", place.repo().display()));

    let mut variables = sandbox.env();
    variables.insert("GITLAB_USER_LOGIN".to_owned(), "demo".to_owned());
    variables.insert("CI_PROJECT_TITLE".to_owned(), "Shop services".to_owned());
    let teller = Teller { screen, repo: place.repo().to_owned(), variables };
    let went_well = play(&teller, &sandbox).await?;

    screen.part("Is it so? Checked on the services, not in our reports:");
    let mut held = went_well;
    for (is_so, what) in checks::end_state(&sandbox, place.repo()).await? {
        screen.check(is_so, &what);
        held &= is_so;
    }
    sandbox.stop().await;
    farewell(screen, place, begun.elapsed());
    Ok(held)
}

/// The jobs of the staging pipeline in their order.
async fn play(teller: &Teller, sandbox: &Sandbox) -> anyhow::Result<bool> {
    let screen = teller.screen;
    screen.part("1  What is to be deployed, and with which keys");
    let mut well =
        teller.expect(0, &["generate-versions"], "name, version and folder of every project").await?;
    well &= teller.expect(0, &["aws-credentials"], "Vault login, temporary keys, whose are they?").await?;
    well &= teller.expect(0, &["prepare-docker-config"], "registry logins, merged").await?;

    screen.part("2  Images to ECR: no daemon, no disk, every byte verified");
    well &= teller
        .expect(
            3,
            &["retag-push-ecr"],
            "but somebody forgot to build one image: all is checked before the first byte",
        )
        .await?;
    sample::add_image(sandbox, FORGOTTEN)?;
    screen.said(&format!("(the build of {FORGOTTEN} is run, as the error page says)"));
    well &= teller.expect(0, &["retag-push-ecr"], "again: it does what is left").await?;

    screen.part("3  Functions run exactly these digests");
    well &= teller.expect(0, &["deploy-lambda", "--dry-run"], "the plan first").await?;
    well &= teller.expect(0, &["deploy-lambda"], "update, wait, verify the digest that runs").await?;
    well &= teller.expect(0, &["deploy-lambda"], "a second time: nothing to do").await?;

    screen.part("4  Who should know, knows");
    well &= teller.expect(0, &["update-version-dashboard"], "recorded, and on the page").await?;
    well &= teller.expect(0, &["create-jira-tickets"], "one release ticket for this region").await?;
    well &= teller
        .expect(
            0,
            &["transition-jira-tickets", "deploy-pp"],
            "by target status, whatever the workflow calls the way",
        )
        .await?;
    well &= teller.expect(0, &["update-jira-instructions"], "deploy, verify and rollback steps").await?;
    well &= teller.expect(0, &["transition-jira-tickets", "pp-testing"], "one step on").await?;
    well &= teller.expect(0, &["comment-jira-tickets", "staging"], "said once, also on a re-run").await?;

    screen.part("5  Release candidates: the same digests, one repository further");
    well &= teller
        .expect(0, &["promote-artifacts", "--preset", "to-rc"], "several at a time, read back, logged")
        .await?;
    Ok(well)
}

fn farewell(screen: Screen, place: &Place, took: Duration) {
    screen.part(&format!("Done in {:.1} s.", took.as_secs_f64()));
    if place.is_kept() {
        let repo = place.repo();
        screen.said(&format!("dashboard      {}", repo.join("dashboard/index.html").display()));
        screen.said(&format!("files          {}", repo.display()));
        screen.said(&format!("ticket texts   {}", repo.join("tickets").display()));
        screen.said(&format!("ledger         {}", repo.join(".landfall/ledger").display()));
    } else {
        screen.said(
            "Nothing was kept. `landfall demo --keep DIR` keeps files, ticket texts, ledger and dashboard.",
        );
    }
    screen.said("Next: `landfall stage deploy-lambda --help`, or README.md for the stages and a pipeline in ten lines.");
}

/// Where the demo's files are.
pub(crate) enum Place {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Place {
    pub(crate) fn make(keep: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(folder) = keep else {
            return Ok(Self::Passing(tempfile::Builder::new().prefix("landfall-demo-").tempdir()?));
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if std::fs::read_dir(&folder)?.next().is_some() {
            bail!(
                "{} is not empty: name a new folder by --keep, so that nothing is overwritten",
                folder.display()
            );
        }
        Ok(Self::Kept(std::fs::canonicalize(folder)?))
    }

    fn repo(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }

    fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

struct Teller {
    screen: Screen,
    repo: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Teller {
    /// Runs a stage as a child process, shows what it prints as it comes, and says whether it ended with this code.
    async fn expect(&self, code: i32, words: &[&str], why: &str) -> anyhow::Result<bool> {
        self.screen.step(&words.join(" "), why);
        let begun = Instant::now();
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let mut command = Command::new(program);
        command
            .arg("stage")
            .args(words)
            .current_dir(&self.repo)
            .env_clear()
            .envs(&self.variables)
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("a stage does not start")?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let shown = async {
            tokio::join!(
                lines(err, |line| self.screen.logged(line)),
                lines(out, |line| self.screen.said(line)),
                child.wait()
            )
            .2
        };
        let status = tokio::time::timeout(LONGEST_STEP, shown).await.context("a stage does not end")??;
        let ended = status.code().unwrap_or(-1);
        self.screen.ended(ended, begun.elapsed());
        if ended != code {
            self.screen.said(&format!("this step should have ended with exit code {code}"));
        }
        Ok(ended == code)
    }
}

async fn lines(source: Option<impl AsyncRead + Unpin>, show: impl Fn(&str)) {
    let Some(source) = source else { return };
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        show(&line);
    }
}
