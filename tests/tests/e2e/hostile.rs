//! Servers that name another host: no credential goes there, and the stage says why it stops. That the other host was never
//! asked is what the harness looks at after every run.

use landfall_sandbox::Service;

use crate::snapshot::page;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_sends_the_login_elsewhere() {
    let world = World::copyable().await;
    let realm = format!("{}/token", world.sandbox.url(Service::Foreign));
    world.sandbox.artifactory.configure(|quirks| quirks.realm = Some(realm));
    let ran = world.run(&["retag-push-ecr", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-HTTP-FOREIGN] exit 3
      cannot GET a token for artifactory.test
      cannot GET a token for artifactory.test
      caused by: http://artifactory.test points to http://foreign.test/token, which is not itself (WWW-Authenticate realm)
      next: nothing was sent there; if that host is yours, correct the server's base URL (WWW-Authenticate realm) or name it in auth_hosts

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_takes_uploads_elsewhere() {
    let world = World::copyable().await;
    let origin = world.sandbox.url(Service::Foreign);
    world.sandbox.ecr_registry.configure(|quirks| quirks.upload_origin = Some(origin));
    let ran = world.run(&["retag-push-ecr", "--quiet"]).await.expect(3);
    // Which blob of an image is refused first, and whether it is one that both images share, differs from run to run.
    page!(each_once(&ran.page(&world)), @r#"
    error[LF-HTTP-FOREIGN] exit 3
      cannot POST blob [digest] of ecr-registry.test/app
      caused by: http://ecr-registry.test points to http://foreign.test/v2/app/blobs/uploads/[id], which is not itself (Location)
      next: nothing was sent there; if that host is yours, correct the server's base URL (Location) or name it in auth_hosts

    nothing was changed
    exit 3
    "#);
    let tags = world.ecr_tags();
    assert!(world.projects().iter().all(|project| !tags.contains_key(&project.tag())), "{tags:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_elsewhere() {
    let world = World::small().await;
    let elsewhere = world.sandbox.url(Service::Foreign);
    world.sandbox.vault.configure(|vault| vault.redirect_to = Some(elsewhere));
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-VAULT-REDIRECT] exit 3
      Vault at http://vault.test redirects the login to http://foreign.test/v1/auth/approle/login
      next: nothing was sent there; if that is the active node, make its address the configured one, or let the standby forward

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_without_tls_are_refused_unless_they_are_this_machine() {
    let mut world = World::small().await;
    world.set("HCV_URL", "http://vault.example.com");
    world.set("JIRA_URL", "http://jira.example.com");
    world.has_versions();
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-HTTP-PLAIN] exit 2
      the login at Vault did not come about
      caused by: http://vault.example.com would be spoken to without encryption
      next: use https, or allow plain http for vault.example.com by name

    nothing was changed
    exit 2
    "#);
    let ran = world.run(&["create-jira-tickets", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-HTTP-PLAIN] exit 2
      http://jira.example.com would be spoken to without encryption
      next: use https, or allow plain http for jira.example.com by name

    nothing was changed
    exit 2
    "#);
}

/// The page with each line once, whatever digests and ids stand in it.
fn each_once(page: &str) -> String {
    let plain = |line: &str| line.replace(|letter: char| letter.is_ascii_hexdigit(), "");
    let mut seen = std::collections::BTreeSet::new();
    let lines: Vec<&str> = page.lines().filter(|line| line.is_empty() || seen.insert(plain(line))).collect();
    lines.join("\n").replace("\n\n\n", "\n\n")
}
