//! `landfall init` as a person sees it: what it makes of a repo, what it leaves to be filled in, and what a second run does.

use crate::made::Repo;

/// A repo of functions that nobody delivers yet.
fn new_repo() -> Repo {
    let repo = Repo::of("");
    repo.write("functions/orders/project.json", "{}");
    repo.write("functions/orders/.deployment", "OrdersFunction\n");
    repo.write("functions/stock/project.json", "{}");
    repo.write("package.json", "{}");
    repo.write("pnpm-lock.yaml", "");
    repo.write("nx.json", "{}");
    repo
}

const ANSWERS: &str = "--image r.example.com/landfall:1 --image-namespace shop --artifactory-url https://artifactory.example.com --artifactory-user svc --build-repository b --rc-repository c --release-repository r --jira-url https://j.example.com --jira-project REL --vault-address https://v.example.com --vault-aws-path aws/sts/d --role-arn arn:aws:iam::123456789012:role/D --set environment.stg_eu00.ecr=123456789012.dkr.ecr.eu-west-2.amazonaws.com/app --set environment.prod_eu00.ecr=210987654321.dkr.ecr.eu-west-2.amazonaws.com/app";

/// An old file in the manner of many.
const OLD: &str = "\
include:
  - project: 'platform/pipelines'
    file:
      - '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'
      - '/aws/s3-deploy.yml'

variables:
  ARTIFACTORY_URL: 'https://artifactory.example.com/artifactory/'
  ARTIFACTORY_BUILD_BUCKET: b
  VAULT: 'https://v.example.com'

deploy-lambda-staging-eu:
  variables: { ECR_REGISTRY_URI: 'https://123456789012.dkr.ecr.eu-west-2.amazonaws.com/app', NX: '$VAULT/x' }

aws-credentials-staging-eu:
  variables: { HCV_URL: $VAULT, AWS_CREDENTIAL_SCRIPT_PATH: x.sh }

deploy-lambda-staging-na:
  environment: { name: stg_na03 }
  variables: { AWS_REGION: mars }
";

#[test]
fn what_cannot_be_seen_is_left_to_be_filled_in_and_refused_until_it_is() {
    let repo = new_repo();
    insta::assert_snapshot!(repo.shown("init --yes"), @r"");
    insta::assert_snapshot!(repo.read("landfall.toml"), @r"");
    assert!(!repo.path(".gitlab-ci.yml").exists(), "nothing is rendered of what is not known");
    insta::assert_snapshot!(repo.shown("pipelines"), @r"");
    // A second run says the same, and changes nothing.
    let before = repo.read("landfall.toml");
    assert_eq!(repo.run("init --yes").code, 2);
    assert_eq!(repo.read("landfall.toml"), before);
}

#[test]
fn with_every_answer_the_files_are_written_and_a_second_run_has_nothing_to_do() {
    let repo = new_repo();
    let words = format!("init --yes {ANSWERS}");
    let foretold = repo.run(&format!("{words} --dry-run"));
    assert_eq!((foretold.code, repo.read("landfall.toml").as_str()), (0, ""), "{}", foretold.stderr);
    assert!(foretold.stdout.contains("would write .gitlab-ci.yml\n"), "{}", foretold.stdout);
    let ended = repo.run(&words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    insta::assert_snapshot!(repo.read("landfall.toml"), @r"");
    for words in ["render gitlab --check --out @/", "pipelines"] {
        let ended = repo.run(words);
        assert_eq!(ended.code, 0, "{words}: {}{}", ended.stdout, ended.stderr);
    }
    insta::assert_snapshot!(repo.shown("init --yes"), @r"");
    insta::assert_snapshot!(repo.shown("init --yes --jira-project NEW"), @r"");
    // A repo at GitHub has workflows.
    let repo = new_repo();
    repo.write(".git/config", "[remote \"origin\"]\n\turl = git@github.com:acme/shop.git\n");
    assert_eq!(repo.run(&words).code, 0);
    assert_eq!(repo.run("render github --check --out @/").code, 0);
    assert!(!repo.path(".gitlab-ci.yml").exists());
}

#[test]
fn old_files_say_most_of_it() {
    let repo = Repo::of("");
    repo.write(".gitlab-ci.yml", OLD);
    repo.write("find_versions.sh", "exit 0\n");
    insta::assert_snapshot!(repo.shown("init --yes --dry-run"), @r"");
    assert_eq!(repo.read(".gitlab-ci.yml"), OLD);
}

#[test]
fn only_the_includes_of_an_old_file_are_changed() {
    let repo = Repo::of("");
    let old = OLD.replace("mars", "us-east-1");
    repo.write(".gitlab-ci.yml", &old);
    let more =
        "--set environment.stg_na03.ecr=1.example.com/app --set environment.prod_eu00.aws_region=eu-west-2";
    let ended = repo.run(&format!("init --yes {ANSWERS} {more}"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stdout.split_once("wrote landfall.toml").expect("written").1, @r"");
    let new = repo.read(".gitlab-ci.yml");
    assert_eq!(
        new.split_once("\nvariables:").map(|(_, rest)| rest),
        old.split_once("\nvariables:").map(|(_, rest)| rest)
    );
    insta::assert_snapshot!(repo.shown("init --yes"), @r"");
    assert_eq!(repo.run("render gitlab --check --out @/").code, 0, "the repo's own file is none of those");
}

#[test]
fn what_is_left_to_a_person_is_said() {
    let repo = Repo::of("");
    repo.write(".gitlab-ci.yml", "stages: [build, deploy-staging]\ninclude: [{ project: p, file: /aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml }]\n");
    let ended = repo.run(&format!("init --yes {ANSWERS} --environments stg_eu00"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @r"");
    let repo = new_repo();
    repo.write(".gitlab-ci.yml", "mine: { script: [make] }\n");
    let ended = repo.run(&format!("init --yes {ANSWERS}"));
    insta::assert_snapshot!(ended.stderr, @r"");
    assert_eq!(repo.read(".gitlab-ci.yml"), "mine: { script: [make] }\n");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_nothing_is_written() {
    let repo = new_repo();
    repo.write(".gitlab-ci.yml", "include:\n  - local: x.yml\n bad: [\n");
    insta::assert_snapshot!(repo.shown("init --yes"), @r"");
    insta::assert_snapshot!(repo.shown("init --yes --ci gitlap --environments a..b --set x"), @r"");
    std::fs::remove_file(repo.path(".gitlab-ci.yml")).expect("removed");
    insta::assert_snapshot!(repo.shown("init --yes --artifactory-url nonsense"), @r"");
    repo.write("aws/s3-deploy.yml", "mine: true\n");
    repo.write("configs/base.json", "{}");
    insta::assert_snapshot!(repo.shown(&format!("init --yes {ANSWERS}")), @r"");
    assert_eq!(repo.read("landfall.toml"), "");
}

#[test]
fn hostile_names_and_links_are_shown_as_what_they_are() {
    let repo = new_repo();
    repo.write("functions/evil\u{1b}[2J\u{202e}/project.json", "{}");
    repo.write(
        ".gitlab-ci.yml",
        "include: ['https://x/aws/s3-deploy.yml', '/../../etc/passwd']\nvariables: { IMAGE_NAMESPACE: \"a\\\"\\n[x]\\e[2J\", JIRA_URL: 'https://me:canary@j.example.com' }\n\"a\\e[2J-staging-eu\": { environment: { name: stg_eu00 } }\n",
    );
    std::os::unix::fs::symlink("/etc", repo.path("ci")).expect("a link");
    let ended = repo.run("init --yes");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let all = format!("{}{}{}", ended.stdout, ended.stderr, repo.read("landfall.toml"));
    assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("canary"), "{all:?}");
    assert!(repo.read("landfall.toml").contains(r#"image_namespace = "a\"\u000A[x]\u001B[2J""#), "{all}");
}
