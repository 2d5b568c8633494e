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

/// What a run that goes well warns of, a line each.
fn warned(repo: &Repo, words: &str) -> String {
    let ended = repo.run(&format!("{words} --report @/report.json"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&repo.read("report.json")).expect("JSON");
    let warnings =
        report["warnings"].as_array().expect("a list").iter().filter_map(serde_json::Value::as_str);
    warnings.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_seen_is_left_to_be_filled_in_and_refused_until_it_is() {
    let repo = new_repo();
    insta::assert_snapshot!(repo.shown("init --yes"), @r#"
    exit 0
    seen: 1 function, an Nx workspace, packages by pnpm-lock.yaml
    CI files are for GitLab: nothing says which; --ci github for GitHub
      image_namespace: to be filled in: the images' folder in Artifactory, such as shop
      ci.pipelines = ["staging", "staging-on-demand", "production"] (there is a folder functions)
      ci.variables.ARTIFACTORY_USER: to be filled in: the user that promotes in Artifactory
      registries.url: to be filled in: Artifactory's address, such as https://artifactory.example.com
      registries.build: to be filled in: the repository key of builds, such as docker-native-local
      registries.rc: to be filled in: the repository key of release candidates, such as docker-native-rc
      registries.release: to be filled in: the repository key of releases, such as docker-native-release
      jira.url: to be filled in: Jira's address, such as https://example.atlassian.net
      jira.project: to be filled in: the key of the project of release tickets, such as REL
      environment.stg_eu00.kind = "staging" (there is a folder functions, and no job names an environment of its kind)
      environment.stg_eu00.suffix = "staging-eu" (the end of its jobs' names)
      environment.stg_eu00.ecr: to be filled in: the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
      environment.stg_eu00.aws_region: to be filled in: the AWS region, such as eu-west-2
      environment.stg_eu00.vault.address: to be filled in: Vault's address, such as https://vault.example.com
      environment.stg_eu00.vault.aws_path: to be filled in: the path of the AWS role in Vault, such as aws/sts/deployer
      environment.stg_eu00.vault.role_arn: to be filled in: the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      environment.prod_eu00.kind = "production" (there is a folder functions, and no job names an environment of its kind)
      environment.prod_eu00.suffix = "prod-eu" (the end of its jobs' names)
      environment.prod_eu00.ecr: to be filled in: the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
      environment.prod_eu00.aws_region: to be filled in: the AWS region, such as eu-west-2
      environment.prod_eu00.vault.address: to be filled in: Vault's address, such as https://vault.example.com
      environment.prod_eu00.vault.aws_path: to be filled in: the path of the AWS role in Vault, such as aws/sts/deployer
      environment.prod_eu00.vault.role_arn: to be filled in: the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      pipelines.staging.jobs.build.commands = [["pnpm", "install", "--frozen-lockfile"], ["pnpm", "exec", "nx", "run-many", "--target=build"]] (nx.json and pnpm-lock.yaml are there)
      pipelines.staging.jobs.test.commands = [["pnpm", "install", "--frozen-lockfile"], ["pnpm", "exec", "nx", "run-many", "--target=test"]] (nx.json and pnpm-lock.yaml are there)
    wrote landfall.toml
    18 values are left to be filled in; then `landfall init` again writes the CI files
    "#);
    insta::assert_snapshot!(repo.read("landfall.toml"), @r#"
    # Landfall's settings of this repo. Written by `landfall init`, and yours from now on: it is not written again.
    # Behind each value stands where it comes from.
    image_namespace = "?? the images' folder in Artifactory, such as shop" # fill this in, or delete the line where the variable IMAGE_NAMESPACE has it

    [ci]
    pipelines = ["staging", "staging-on-demand", "production"] # there is a folder functions

    [ci.variables]
    ARTIFACTORY_USER = "?? the user that promotes in Artifactory" # fill this in, or delete the line where the variable ARTIFACTORY_USER has it

    [registries]
    url = "?? Artifactory's address, such as https://artifactory.example.com" # fill this in, or delete the line where the variable ARTIFACTORY_URL has it
    build = "?? the repository key of builds, such as docker-native-local" # fill this in, or delete the line where the variable ARTIFACTORY_BUILD_BUCKET has it
    rc = "?? the repository key of release candidates, such as docker-native-rc" # fill this in, or delete the line where the variable ARTIFACTORY_RC_BUCKET has it
    release = "?? the repository key of releases, such as docker-native-release" # fill this in, or delete the line where the variable ARTIFACTORY_RELEASE_BUCKET has it

    [jira]
    url = "?? Jira's address, such as https://example.atlassian.net" # fill this in, or delete the line where the variable JIRA_URL has it
    project = "?? the key of the project of release tickets, such as REL" # fill this in, or delete the line where the variable JIRA_PROJECT has it

    [environment.stg_eu00]
    kind = "staging" # there is a folder functions, and no job names an environment of its kind
    suffix = "staging-eu" # the end of its jobs' names
    ecr = "?? the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # fill this in, or delete the line where the variable ECR_REGISTRY_URI has it
    aws_region = "?? the AWS region, such as eu-west-2" # fill this in, or delete the line where the variable AWS_REGION has it

    [environment.stg_eu00.vault]
    address = "?? Vault's address, such as https://vault.example.com" # fill this in, or delete the line where the variable HCV_URL has it
    aws_path = "?? the path of the AWS role in Vault, such as aws/sts/deployer" # fill this in, or delete the line where the variable VAULT_AWS_PATH has it
    role_arn = "?? the AWS role, such as arn:aws:iam::123456789012:role/Deployer" # fill this in, or delete the line where the variable AWS_ROLE_ARN has it

    [environment.prod_eu00]
    kind = "production" # there is a folder functions, and no job names an environment of its kind
    suffix = "prod-eu" # the end of its jobs' names
    ecr = "?? the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # fill this in, or delete the line where the variable ECR_REGISTRY_URI has it
    aws_region = "?? the AWS region, such as eu-west-2" # fill this in, or delete the line where the variable AWS_REGION has it

    [environment.prod_eu00.vault]
    address = "?? Vault's address, such as https://vault.example.com" # fill this in, or delete the line where the variable HCV_URL has it
    aws_path = "?? the path of the AWS role in Vault, such as aws/sts/deployer" # fill this in, or delete the line where the variable VAULT_AWS_PATH has it
    role_arn = "?? the AWS role, such as arn:aws:iam::123456789012:role/Deployer" # fill this in, or delete the line where the variable AWS_ROLE_ARN has it

    [pipelines.staging.jobs.build]
    commands = [["pnpm", "install", "--frozen-lockfile"], ["pnpm", "exec", "nx", "run-many", "--target=build"]] # nx.json and pnpm-lock.yaml are there

    [pipelines.staging.jobs.test]
    commands = [["pnpm", "install", "--frozen-lockfile"], ["pnpm", "exec", "nx", "run-many", "--target=test"]] # nx.json and pnpm-lock.yaml are there
    "#);
    assert!(!repo.path(".gitlab-ci.yml").exists(), "nothing is rendered of what is not known");
    insta::assert_snapshot!(repo.shown("pipelines"), @r#"
    exit 2
    error[LF-FILE-INVALID] exit 2
      18 problems in @/landfall.toml
        /image_namespace at 3:19: found a blank to be filled in, expected the images' folder in Artifactory, such as shop
        /ci/variables/ARTIFACTORY_USER at 9:20: found a blank to be filled in, expected the user that promotes in Artifactory
        /registries/url at 12:7: found a blank to be filled in, expected Artifactory's address, such as https://artifactory.example.com
        /registries/build at 13:9: found a blank to be filled in, expected the repository key of builds, such as docker-native-local
        /registries/rc at 14:6: found a blank to be filled in, expected the repository key of release candidates, such as docker-native-rc
        /registries/release at 15:11: found a blank to be filled in, expected the repository key of releases, such as docker-native-release
        /jira/url at 18:7: found a blank to be filled in, expected Jira's address, such as https://example.atlassian.net
        /jira/project at 19:11: found a blank to be filled in, expected the key of the project of release tickets, such as REL
        /environment/stg_eu00/ecr at 24:7: found a blank to be filled in, expected the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
        /environment/stg_eu00/aws_region at 25:14: found a blank to be filled in, expected the AWS region, such as eu-west-2
        /environment/stg_eu00/vault/address at 28:11: found a blank to be filled in, expected Vault's address, such as https://vault.example.com
        /environment/stg_eu00/vault/aws_path at 29:12: found a blank to be filled in, expected the path of the AWS role in Vault, such as aws/sts/deployer
        /environment/stg_eu00/vault/role_arn at 30:12: found a blank to be filled in, expected the AWS role, such as arn:aws:iam::123456789012:role/Deployer
        /environment/prod_eu00/ecr at 35:7: found a blank to be filled in, expected the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
        /environment/prod_eu00/aws_region at 36:14: found a blank to be filled in, expected the AWS region, such as eu-west-2
        /environment/prod_eu00/vault/address at 39:11: found a blank to be filled in, expected Vault's address, such as https://vault.example.com
        /environment/prod_eu00/vault/aws_path at 40:12: found a blank to be filled in, expected the path of the AWS role in Vault, such as aws/sts/deployer
        /environment/prod_eu00/vault/role_arn at 41:12: found a blank to be filled in, expected the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    "#);
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
    let text = repo.read("landfall.toml");
    let (first, production) = text.split_once("\n[environment.prod_eu00]\n").expect("a row of production");
    insta::assert_snapshot!(first, @r#"
    # Landfall's settings of this repo. Written by `landfall init`, and yours from now on: it is not written again.
    # Behind each value stands where it comes from.
    image_namespace = "shop" # as it was said to landfall init

    [ci]
    pipelines = ["staging", "staging-on-demand", "production"] # there is a folder functions
    image = "r.example.com/landfall:1" # as it was said to landfall init

    [ci.variables]
    ARTIFACTORY_USER = "svc" # as it was said to landfall init

    [registries]
    url = "https://artifactory.example.com" # as it was said to landfall init
    build = "b" # as it was said to landfall init
    rc = "c" # as it was said to landfall init
    release = "r" # as it was said to landfall init
    docker_host = "artifactory.example.com" # the host of Artifactory; change it where images have one of their own

    [jira]
    url = "https://j.example.com" # as it was said to landfall init
    project = "REL" # as it was said to landfall init

    [environment.stg_eu00]
    kind = "staging" # there is a folder functions, and no job names an environment of its kind
    suffix = "staging-eu" # the end of its jobs' names
    ecr = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # as it was said to landfall init
    aws_region = "eu-west-2" # as its ecr says
    account = "123456789012" # as its ecr says

    [environment.stg_eu00.vault]
    address = "https://v.example.com" # as it was said to landfall init
    aws_path = "aws/sts/d" # as it was said to landfall init
    role_arn = "arn:aws:iam::123456789012:role/D" # as it was said to landfall init
    "#);
    assert!(production.contains("account = \"210987654321\" # as its ecr says\n"), "{production}");
    for words in ["render gitlab --check --out @/", "pipelines"] {
        let ended = repo.run(words);
        assert_eq!(ended.code, 0, "{words}: {}{}", ended.stdout, ended.stderr);
    }
    insta::assert_snapshot!(repo.shown("init --yes"), @r#"
    exit 0
    seen: 1 function, an Nx workspace, packages by pnpm-lock.yaml
    CI files are for GitLab: .gitlab-ci.yml is there
    landfall.toml is there, and stays as it is
    nothing to do
    "#);
    insta::assert_snapshot!(repo.shown("init --yes --jira-project NEW"), @r#"
    exit 0
    seen: 1 function, an Nx workspace, packages by pnpm-lock.yaml
    CI files are for GitLab: .gitlab-ci.yml is there
    landfall.toml is there, and stays as it is
      jira.project is `REL` there, and `NEW` here: as it was said to landfall init
    nothing to do
    "#);
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
    insta::assert_snapshot!(repo.shown("init --yes --dry-run"), @r#"
    exit 0
    seen: no folder functions
    CI files are for GitLab: .gitlab-ci.yml is there
      image_namespace: to be filled in: the images' folder in Artifactory, such as shop
      ci.pipelines = ["staging", "s3-config"] (aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml is included; aws/s3-deploy.yml is included)
      ci.own_root = true (.gitlab-ci.yml is there and stays the repo's)
      ci.variables.ARTIFACTORY_USER: to be filled in: the user that promotes in Artifactory
      registries.url = "https://artifactory.example.com" (ARTIFACTORY_URL in .gitlab-ci.yml, line 8)
      registries.build = "b" (ARTIFACTORY_BUILD_BUCKET in .gitlab-ci.yml, line 9)
      registries.rc: to be filled in: the repository key of release candidates, such as docker-native-rc
      registries.release: to be filled in: the repository key of releases, such as docker-native-release
      registries.docker_host = "artifactory.example.com" (the host of Artifactory; change it where images have one of their own)
      jira.url: to be filled in: Jira's address, such as https://example.atlassian.net
      jira.project: to be filled in: the key of the project of release tickets, such as REL
      environment.stg_eu00.kind = "staging" (deploy-lambda-staging-eu in .gitlab-ci.yml, line 12)
      environment.stg_eu00.suffix = "staging-eu" (the end of its jobs' names)
      environment.stg_eu00.ecr = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" (ECR_REGISTRY_URI in .gitlab-ci.yml, line 13)
      environment.stg_eu00.aws_region = "eu-west-2" (as its ecr says)
      environment.stg_eu00.account = "123456789012" (as its ecr says)
      environment.stg_eu00.vault.address = "https://v.example.com" (HCV_URL in .gitlab-ci.yml, line 10)
      environment.stg_eu00.vault.aws_path: to be filled in: the path of the AWS role in Vault, such as aws/sts/deployer
      environment.stg_eu00.vault.role_arn: to be filled in: the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      environment.stg_na03.kind = "staging" (deploy-lambda-staging-na in .gitlab-ci.yml, line 18)
      environment.stg_na03.suffix = "staging-na" (the end of its jobs' names)
      environment.stg_na03.ecr: to be filled in: the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
      environment.stg_na03.aws_region: to be filled in: an AWS region such as eu-west-2
      environment.stg_na03.vault.address: to be filled in: Vault's address, such as https://vault.example.com
      environment.stg_na03.vault.aws_path: to be filled in: the path of the AWS role in Vault, such as aws/sts/deployer
      environment.stg_na03.vault.role_arn: to be filled in: the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      environment.prod_eu00.kind = "production" (aws/s3-deploy.yml is included, and no job names an environment of its kind)
      environment.prod_eu00.suffix = "prod-eu" (the end of its jobs' names)
      environment.prod_eu00.ecr: to be filled in: the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app
      environment.prod_eu00.aws_region: to be filled in: the AWS region, such as eu-west-2
      environment.prod_eu00.vault.address: to be filled in: Vault's address, such as https://vault.example.com
      environment.prod_eu00.vault.aws_path: to be filled in: the path of the AWS role in Vault, such as aws/sts/deployer
      environment.prod_eu00.vault.role_arn: to be filled in: the AWS role, such as arn:aws:iam::123456789012:role/Deployer
      configs.merge_command = ["sh", "./find_versions.sh"] (find_versions.sh is there)
    would write @/landfall.toml:
        # Landfall's settings of this repo. Written by `landfall init`, and yours from now on: it is not written again.
        # Behind each value stands where it comes from.
        image_namespace = "?? the images' folder in Artifactory, such as shop" # fill this in, or delete the line where the variable IMAGE_NAMESPACE has it

        [ci]
        pipelines = ["staging", "s3-config"] # aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml is included; aws/s3-deploy.yml is included
        own_root = true # .gitlab-ci.yml is there and stays the repo's

        [ci.variables]
        ARTIFACTORY_USER = "?? the user that promotes in Artifactory" # fill this in, or delete the line where the variable ARTIFACTORY_USER has it

        [registries]
        url = "https://artifactory.example.com" # ARTIFACTORY_URL in .gitlab-ci.yml, line 8
        build = "b" # ARTIFACTORY_BUILD_BUCKET in .gitlab-ci.yml, line 9
        rc = "?? the repository key of release candidates, such as docker-native-rc" # fill this in, or delete the line where the variable ARTIFACTORY_RC_BUCKET has it
        release = "?? the repository key of releases, such as docker-native-release" # fill this in, or delete the line where the variable ARTIFACTORY_RELEASE_BUCKET has it
        docker_host = "artifactory.example.com" # the host of Artifactory; change it where images have one of their own

        [jira]
        url = "?? Jira's address, such as https://example.atlassian.net" # fill this in, or delete the line where the variable JIRA_URL has it
        project = "?? the key of the project of release tickets, such as REL" # fill this in, or delete the line where the variable JIRA_PROJECT has it

        [environment.stg_eu00]
        kind = "staging" # deploy-lambda-staging-eu in .gitlab-ci.yml, line 12
        suffix = "staging-eu" # the end of its jobs' names
        ecr = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # ECR_REGISTRY_URI in .gitlab-ci.yml, line 13
        aws_region = "eu-west-2" # as its ecr says
        account = "123456789012" # as its ecr says

        [environment.stg_eu00.vault]
        address = "https://v.example.com" # HCV_URL in .gitlab-ci.yml, line 10
        aws_path = "?? the path of the AWS role in Vault, such as aws/sts/deployer" # fill this in, or delete the line where the variable VAULT_AWS_PATH has it
        role_arn = "?? the AWS role, such as arn:aws:iam::123456789012:role/Deployer" # fill this in, or delete the line where the variable AWS_ROLE_ARN has it

        [environment.stg_na03]
        kind = "staging" # deploy-lambda-staging-na in .gitlab-ci.yml, line 18
        suffix = "staging-na" # the end of its jobs' names
        ecr = "?? the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # fill this in, or delete the line where the variable ECR_REGISTRY_URI has it
        aws_region = "?? an AWS region such as eu-west-2" # what was seen cannot be used: AWS_REGION in .gitlab-ci.yml, line 20

        [environment.stg_na03.vault]
        address = "?? Vault's address, such as https://vault.example.com" # fill this in, or delete the line where the variable HCV_URL has it
        aws_path = "?? the path of the AWS role in Vault, such as aws/sts/deployer" # fill this in, or delete the line where the variable VAULT_AWS_PATH has it
        role_arn = "?? the AWS role, such as arn:aws:iam::123456789012:role/Deployer" # fill this in, or delete the line where the variable AWS_ROLE_ARN has it

        [environment.prod_eu00]
        kind = "production" # aws/s3-deploy.yml is included, and no job names an environment of its kind
        suffix = "prod-eu" # the end of its jobs' names
        ecr = "?? the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app" # fill this in, or delete the line where the variable ECR_REGISTRY_URI has it
        aws_region = "?? the AWS region, such as eu-west-2" # fill this in, or delete the line where the variable AWS_REGION has it

        [environment.prod_eu00.vault]
        address = "?? Vault's address, such as https://vault.example.com" # fill this in, or delete the line where the variable HCV_URL has it
        aws_path = "?? the path of the AWS role in Vault, such as aws/sts/deployer" # fill this in, or delete the line where the variable VAULT_AWS_PATH has it
        role_arn = "?? the AWS role, such as arn:aws:iam::123456789012:role/Deployer" # fill this in, or delete the line where the variable AWS_ROLE_ARN has it

        [configs]
        merge_command = ["sh", "./find_versions.sh"] # find_versions.sh is there
    18 values would be left to be filled in; then `landfall init` again writes the CI files
    "#);
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
    insta::assert_snapshot!(ended.stdout.split_once("wrote landfall.toml").expect("written").1, @r#"

    wrote aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/aws-credentials.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/comment-jira-tickets.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/create-jira-tickets.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/deploy-lambda.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/generate-mappings.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/prepare-docker-config.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/promote-artifacts.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/promote-to-rc.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/promote-to-release.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/retag-push-ecr.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/rules.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/transition-jira-tickets.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/update-jira-instructions.gitlab-ci.yml
    wrote aws/lambda/build-deploy/templates/update-version-dashboard.gitlab-ci.yml
    wrote aws/s3-deploy.yml
    wrote common/vars.gitlab-ci.yml
    wrote nx.semantic.versioning.gitlab-ci.yml
    wrote .gitlab-ci.yml
    changed in .gitlab-ci.yml:
      line 2
      -   - project: 'platform/pipelines'
      -     file:
      -       - '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'
      -       - '/aws/s3-deploy.yml'
      +   - local: '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'
      +   - local: '/aws/s3-deploy.yml'
    20 files written; look at them, then commit them
    "#);
    let new = repo.read(".gitlab-ci.yml");
    assert_eq!(
        new.split_once("\nvariables:").map(|(_, rest)| rest),
        old.split_once("\nvariables:").map(|(_, rest)| rest)
    );
    insta::assert_snapshot!(repo.shown("init --yes"), @r#"
    exit 0
    seen: no folder functions
    CI files are for GitLab: .gitlab-ci.yml is there
    landfall.toml is there, and stays as it is
    nothing to do
    "#);
    assert_eq!(repo.run("render gitlab --check --out @/").code, 0, "the repo's own file is none of those");
}

#[test]
fn what_is_left_to_a_person_is_said() {
    let repo = Repo::of("");
    repo.write(".gitlab-ci.yml", "stages: [build, deploy-staging]\ninclude: [{ project: p, file: /aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml }]\nvariables: { AWS_CREDENTIAL_SCRIPT_PATH: x.sh }\n");
    insta::assert_snapshot!(warned(&repo, &format!("init --yes {ANSWERS} --environments stg_eu00")), @r#"
    AWS_CREDENTIAL_SCRIPT_PATH in .gitlab-ci.yml, line 3 is unused: aws-credentials speaks to Vault itself
    .gitlab-ci.yml, line 2: the include has a form that is not changed by a program; put `- local: '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'` in the place of the old files
    .gitlab-ci.yml has no job semantic-versioning and no job docker-build, which staging needs: add one, or include `- local: '/nx.semantic.versioning.gitlab-ci.yml'`
    .gitlab-ci.yml has `stages` of its own without test, semantic-versioning, docker-build, post-deploy, jira-workflow, promote-to-rc: add them, or delete `stages`, since every included file lists all
    "#);
    let repo = new_repo();
    repo.write(".gitlab-ci.yml", "mine: { script: [make] }\n");
    insta::assert_snapshot!(warned(&repo, &format!("init --yes {ANSWERS}")), @r#"
    no .deployment names the Lambda function of stock: deployments refuse them until one does
    .gitlab-ci.yml includes no pipeline yet: add `- local: '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'`, `- local: '/aws/lambda/build-deploy/staging-on-demand-deploy.gitlab-ci.yml'`, `- local: '/aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml'`, `- local: '/nx.semantic.versioning.gitlab-ci.yml'` to its `include`
    "#);
    assert_eq!(repo.read(".gitlab-ci.yml"), "mine: { script: [make] }\n");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_nothing_is_written() {
    let repo = new_repo();
    repo.write(".gitlab-ci.yml", "include:\n  - local: x.yml\n bad: [\n");
    insta::assert_snapshot!(repo.shown("init --yes"), @r#"
    exit 2
    error[LF-FILE-INVALID] exit 2
      .gitlab-ci.yml: at 3:2: found no YAML: while parsing a block mapping, did not find expected key, expected YAML 1.2
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    "#);
    insta::assert_snapshot!(repo.shown("init --yes --ci gitlap --environments a..b --set x"), @r#"
    exit 2
    error[LF-USAGE] exit 2
      --set `x` is no key with a text
      next: write it as --set environment.stg_eu00.aws_region=eu-west-2

    error[LF-USAGE] exit 2
      --environments: `a..b` is none: `a..b` is not a valid environment name: expected 1 to 64 of A-Z a-z 0-9 _ . / -, beginning with a letter or digit

    error[LF-USAGE] exit 2
      --ci `gitlap` is neither gitlab nor github
      next: did you mean gitlab?

    nothing was changed
    "#);
    std::fs::remove_file(repo.path(".gitlab-ci.yml")).expect("removed");
    insta::assert_snapshot!(repo.shown("init --yes --artifactory-url nonsense"), @r#"
    exit 2
    error[LF-CONFIG] exit 2
      registries.url cannot be used: found `nonsense`, expected an http(s) address without user, password, query or fragment
      next: give another one

    nothing was changed
    "#);
    repo.write("aws/s3-deploy.yml", "mine: true\n");
    repo.write("configs/base.json", "{}");
    insta::assert_snapshot!(repo.shown(&format!("init --yes {ANSWERS}")), @r#"
    exit 3
    error[LF-RENDER-FOREIGN] exit 3
      aws/s3-deploy.yml: is there, and Landfall did not write it
      next: delete it where it is a copy of an old file, else move it; then run `landfall init` again

    nothing was changed
    "#);
    assert_eq!(repo.read("landfall.toml"), "");
}

#[test]
fn hostile_names_and_links_are_shown_as_what_they_are() {
    let repo = new_repo();
    repo.write("functions/evil\u{1b}[2J\u{202e}/project.json", "{}");
    repo.write(
        ".gitlab-ci.yml",
        "include: ['https://x/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml', '/../../etc/passwd']\nvariables: { IMAGE_NAMESPACE: \"a\\\"\\n[x]\\e[2J\", JIRA_URL: 'https://me:canary@j.example.com' }\n\"a\\e[2J-staging-eu\": { environment: { name: stg_eu00 } }\n",
    );
    std::os::unix::fs::symlink("/etc", repo.path("ci")).expect("a link");
    let ended = repo.run("init --yes");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let all = format!("{}{}{}", ended.stdout, ended.stderr, repo.read("landfall.toml"));
    assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("canary"), "{all:?}");
    let refused = "image_namespace = \"?? a text without control characters\" # what was seen cannot be used: IMAGE_NAMESPACE in .gitlab-ci.yml, line 2\n";
    assert!(repo.read("landfall.toml").contains(refused), "{all}");
}

#[test]
fn a_link_is_neither_followed_out_of_the_repo_nor_replaced() {
    let outside = tempfile::tempdir().expect("a folder");
    let jobs = "x-staging-eu: { environment: { name: stg_eu99 } }\n";
    std::fs::write(outside.path().join("x.yml"), jobs).expect("written");
    let repo = Repo::of("");
    std::os::unix::fs::symlink(outside.path(), repo.path("ci")).expect("a link");
    repo.write(
        "real.yml",
        &OLD.replace("include:", "include:\n  - local: ci/x.yml").replace("mars", "us-east-1"),
    );
    std::os::unix::fs::symlink("real.yml", repo.path(".gitlab-ci.yml")).expect("a link");
    let more =
        "--set environment.stg_na03.ecr=1.example.com/app --set environment.prod_eu00.aws_region=eu-west-2";
    let warned = warned(&repo, &format!("init --yes {ANSWERS} {more}"));
    assert!(
        warned.contains(".gitlab-ci.yml is a link: change the include in the file that it leads to"),
        "{warned}"
    );
    assert!(repo.path(".gitlab-ci.yml").is_symlink() && repo.read("real.yml").contains("platform/pipelines"));
    assert!(!repo.read("landfall.toml").contains("stg_eu99"), "what a link leads out to is not read");
}

#[test]
fn what_is_a_link_or_would_stand_behind_one_is_left_alone() {
    let outside = tempfile::tempdir().expect("a folder");
    let repo = new_repo();
    std::os::unix::fs::symlink(outside.path(), repo.path("aws")).expect("a link");
    std::os::unix::fs::symlink("nowhere.yml", repo.path("nx.semantic.versioning.gitlab-ci.yml"))
        .expect("a link");
    let shown = repo.shown(&format!("init --yes {ANSWERS}"));
    let lines: Vec<&str> = shown.lines().filter(|line| !line.contains("/templates/")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    exit 3
    error[LF-RENDER-LINK] exit 3
      aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml: aws is a symbolic link, and nothing is written behind it
      aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml: aws is a symbolic link, and nothing is written behind it
      aws/lambda/build-deploy/staging-on-demand-deploy.gitlab-ci.yml: aws is a symbolic link, and nothing is written behind it
      nx.semantic.versioning.gitlab-ci.yml: is a symbolic link, which is left alone
      next: put a file or a folder of the repo's own in the place of the link, then run again

    nothing was changed
    ");
    assert_eq!((repo.read("landfall.toml").as_str(), repo.path("aws").is_symlink()), ("", true));
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0, "nothing is written there");

    // The settings are no better.
    let repo = new_repo();
    std::fs::rename(repo.path("landfall.toml"), repo.path("of-all.toml")).expect("renamed");
    std::os::unix::fs::symlink("of-all.toml", repo.path("landfall.toml")).expect("a link");
    insta::assert_snapshot!(repo.shown("init --yes"), @r"
    exit 3
    error[LF-INIT-LINK] exit 3
      @/landfall.toml is a symbolic link to where nothing is said, and is left alone
      next: delete the link, or write the file that it leads to; then run `landfall init` again

    nothing was changed
    ");
    assert_eq!((repo.read("of-all.toml").as_str(), repo.path("landfall.toml").is_symlink()), ("", true));
}

#[test]
fn a_folder_that_is_no_repo_is_told_before_anything_is_written_there() {
    let repo = Repo::of("");
    let place = repo.path("").canonicalize().expect("a folder");
    let shown = repo.shown("init --yes").replace(&*place.to_string_lossy(), "@");
    insta::assert_snapshot!(shown, @r"
    exit 2
    error[LF-INIT-NOTHING] exit 2
      there is nothing to deliver in @: no folder functions, no folder configs, no .gitlab-ci.yml
      next: run it in the root of the repo; or name the environments of one that is still empty by --environments

    nothing was changed
    ");
    assert_eq!(repo.read("landfall.toml"), "");
    let named = repo.run("init --yes --environments stg_eu00");
    assert_eq!(named.code, 0, "{}", named.stderr);
    assert!(repo.read("landfall.toml").contains("[environment.stg_eu00]"));
}
