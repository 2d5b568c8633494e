//! The commands that instructions show. They are this tool's own, and a test reads each with the stages' real options.

use landfall_artifacts::{EnvironmentName, ReleaseId};
use landfall_jira::Commands;

/// What a person types to deploy, verify and roll back in these environments. `release` is named where it was given; one that
/// follows from the versions needs no name.
pub fn commands(environments: &[EnvironmentName], release: Option<&ReleaseId>) -> Commands {
    let mut commands = Commands::default();
    let named = release.map(|release| format!(" --release {release}")).unwrap_or_default();
    for environment in environments {
        let of = |stage: &str, more: &str| {
            format!("landfall stage {stage} --environment {environment}{named}{more}")
        };
        commands.deploy.extend([
            of("generate-mappings", " --versions versions.json"),
            of("aws-credentials", ""),
            of("deploy-lambda", " --dry-run"),
            of("deploy-lambda", ""),
        ]);
        commands.verify.extend([of("deploy-lambda", " --dry-run"), of("smoke-test", " --read-only")]);
        commands.roll_back.push(of("rollback-lambda", " --from-ledger"));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn each_environment_has_its_commands() {
        let environments = ["prod_eu00".parse().expect("a name"), "prod_na00".parse().expect("a name")];
        let release = "v1.4.0".parse().expect("a release");
        let both = commands(&environments, Some(&release));
        assert_eq!((both.deploy.len(), both.verify.len(), both.roll_back.len()), (8, 4, 2));
        assert_eq!(
            both.roll_back.first().map(String::as_str),
            Some("landfall stage rollback-lambda --environment prod_eu00 --release v1.4.0 --from-ledger")
        );
        assert_eq!(commands(&[], None), landfall_jira::Commands::default());
    }
}
