//! Passing faults are passed over, lost answers are read back, and what fails for good fails in the documented way.

use http::Method;
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Fault, RC_KEY, Service, What};

use crate::snapshot::page;
use crate::world::World;

/// Every image of the repo is at ECR under its tag.
fn all_copied(world: &World) -> bool {
    let tags = world.ecr_tags();
    world.projects().iter().all(|project| tags.get(&project.tag()) == Some(&project.image().digest()))
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_answers_503_and_then_gives_keys() {
    let world = World::small().await;
    let sealed = What::status(503).body(r#"{"errors":["Vault is sealed"]}"#);
    world.sandbox.faults().add(Fault::new(sealed).on(Service::Vault).matching("/login"));
    world.sandbox.faults().add(Fault::new(What::status(503)).on(Service::Sts));
    let ran = world.run(&["aws-credentials"]).await.expect(0);
    assert_eq!(ran.retries(), 2);
    assert_eq!(world.sandbox.faults().pending(), 0);
    assert!(world.sandbox.vault.live_tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lambda_throttles_cuts_and_loses_answers() {
    let world = World::deployable().await;
    let lambda = |what: What| Fault::new(what).on(Service::Lambda);
    let throttled = What::status(429)
        .header("x-amzn-errortype", "TooManyRequestsException")
        .header("retry-after", "1")
        .body(r#"{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate Exceeded."}"#);
    world.sandbox.faults().add(lambda(throttled).method(Method::GET));
    world.sandbox.faults().add(lambda(What::CutBefore).method(Method::GET).nth(3));
    world.sandbox.faults().add(lambda(What::LoseAnswer).method(Method::PUT).times(2));
    let ran = world.run(&["deploy-lambda"]).await.expect(0);
    assert!(ran.retries() >= 1, "{}", ran.stderr);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest());
    }
    assert_eq!(
        world.sandbox.lambda.calls("UpdateFunctionCode"),
        2,
        "a lost answer is read back, not sent again"
    );
    assert_eq!(world.run(&["deploy-lambda"]).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn lambda_cannot_read_one_image() {
    let world = World::deployable().await;
    let text = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";
    world.sandbox.lambda.fail_next("OrderServiceFunction", "ImageAccessDenied", text);
    let ran = world.run(&["deploy-lambda", "--on-failure", "continue", "--quiet"]).await.expect(6);
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-FAILED] exit 6
      the update of OrderServiceFunction failed (ImageAccessDenied): Lambda does not have permission to access the ECR image. Check the ECR permissions.
      next: let lambda.amazonaws.com do ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the repository's policy, then run again

    what was changed (1):
      PaymentGatewayFunction: updated
    exit 6
    "#);
    let outcomes = ran.items();
    assert!(outcomes.contains(&("OrderServiceFunction".to_owned(), "failed".to_owned())), "{outcomes:?}");
    assert!(outcomes.contains(&("PaymentGatewayFunction".to_owned(), "updated".to_owned())), "{outcomes:?}");
    let again = world.run(&["deploy-lambda"]).await.expect(0);
    assert!(again.items().contains(&("PaymentGatewayFunction".to_owned(), "unchanged".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn jira_asks_to_wait() {
    let world = World::with_versions().await;
    let wait = What::status(429).header("retry-after", "1");
    world.sandbox.faults().add(Fault::new(wait).on(Service::Jira).times(2));
    let ran = world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!(ran.retries(), 2, "{}", ran.stderr);
    world.sandbox.faults().add(Fault::new(What::status(503)).on(Service::Jira).method(Method::GET));
    world.run(&["transition-jira-tickets", "deploy-pp"]).await.expect(0);
    assert_eq!(world.sandbox.faults().pending(), 0);
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_whose_answer_was_lost_is_found_and_not_made_twice() {
    let world = World::with_versions().await;
    let create = Fault::new(What::LoseAnswer).on(Service::Jira).method(Method::POST);
    world.sandbox.faults().add(create.clone().matching("/rest/api/3/issue"));
    world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!(world.sandbox.faults().pending(), 0);
    world.sandbox.faults().add(create.matching("/comment"));
    world.run(&["comment-jira-tickets", "staging"]).await.expect(0);
    assert_eq!(world.sandbox.faults().pending(), 0);
    world.run(&["comment-jira-tickets", "staging"]).await.expect(0);
    let issues = world.sandbox.jira.issues();
    assert_eq!(issues.iter().map(|issue| issue.comments.len()).collect::<Vec<_>>(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_whose_answer_was_lost_is_not_taken_twice() {
    let world = World::with_versions().await;
    world.run(&["create-jira-tickets"]).await.expect(0);
    world
        .sandbox
        .faults()
        .add(Fault::new(What::LoseAnswer).on(Service::Jira).method(Method::POST).matching("/transitions"));
    world.run(&["transition-jira-tickets", "pp-testing"]).await.expect(0);
    let status: Vec<String> = world.sandbox.jira.issues().into_iter().map(|issue| issue.status).collect();
    assert_eq!(status, ["Pre-Prod Testing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jira_down_after_the_deployment() {
    let world = World::deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    let running = world.running();
    world.sandbox.faults().add(Fault::new(What::CutBefore).on(Service::Jira).every());
    let ran = world.run(&["create-jira-tickets", "--quiet"]).await.expect(5);
    page!(ran.page(&world), @r#"
    error[LF-JIRA-HTTP] exit 5
      cannot search for label rel-6cd53a5ba29413b9
      caused by: POST http://jira.test/rest/api/3/search/jql got no complete answer
        caused by: error sending request
          caused by: client error (SendRequest)
            caused by: connection closed before message completed
      next: the server or the network is slow or failing; run again

    nothing was changed
    exit 5
    "#);
    assert_eq!(world.running(), running, "the deployment stays good");
    assert!(world.sandbox.jira.issues().is_empty());
    world.sandbox.faults().clear();
    world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!(world.run(&["deploy-lambda"]).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_answer_late_and_badly() {
    let world = World::copyable().await;
    let faults = world.sandbox.faults();
    let artifactory = |what: What| Fault::new(what).on(Service::Artifactory);
    let ecr = |what: What| Fault::new(what).on(Service::EcrRegistry);
    faults.add(artifactory(What::status(503)).matching("/manifests/"));
    faults.add(artifactory(What::CutAfterBytes(1000)).method(Method::GET).matching("/blobs/"));
    faults.add(artifactory(What::CutBefore).method(Method::GET).matching("/blobs/").nth(3));
    faults.add(ecr(What::status(429).header("retry-after", "1")).matching("/manifests/"));
    faults.add(ecr(What::status(500)).method(Method::POST).matching("/blobs/uploads/"));
    faults.add(Fault::new(What::status(503)).on(Service::EcrApi));
    let ran = world.run(&["retag-push-ecr"]).await.expect(0);
    assert!(ran.retries() >= 4, "{}", ran.stderr);
    assert!(all_copied(&world));
    assert_eq!(world.run(&["retag-push-ecr"]).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_cut_and_their_answers_lost() {
    for what in [What::CutRequestAfter(10_000), What::LoseAnswer, What::CutBefore] {
        for method in [Method::POST, Method::PATCH, Method::PUT] {
            let world = World::copyable().await;
            world
                .sandbox
                .faults()
                .add(Fault::new(what.clone()).on(Service::EcrRegistry).method(method.clone()));
            let ran = world.run(&["retag-push-ecr"]).await;
            assert_eq!(ran.code, Some(0), "{method} {what:?}: {}", ran.stderr);
            assert!(all_copied(&world), "{method} {what:?}");
            assert_eq!(world.run(&["retag-push-ecr"]).await.expect(0).outcome(), "nothing-to-do");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_those_of_their_digest() {
    let world = World::copyable().await;
    let layer = digest_of(&world.projects()[0].image().layers[2].bytes);
    world.sandbox.artifactory.configure(|quirks| quirks.corrupt_blob = Some(layer));
    let ran = world.run(&["retag-push-ecr", "--quiet"]).await.expect(7);
    page!(ran.page(&world), @r#"
    error[LF-REG-DIGEST] exit 7
      blob [digest] of artifactory.test/docker-build/shop/orderService is [digest], and [digest] was promised
      next: do not run again blindly: the content was changed on its way or in the registry; rebuild and push the image

    what was changed (1):
      ecr-registry.test/app:PaymentGatewayFunction-2.0.0: copied
    exit 7
    "#);
    assert!(!world.ecr_tags().contains_key(&world.projects()[0].tag()), "a tag names only verified content");
    world.sandbox.artifactory.configure(|quirks| quirks.corrupt_blob = None);
    world.run(&["retag-push-ecr"]).await.expect(0);
    assert!(all_copied(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_down_half_way() {
    let world = World::copyable().await;
    // Images are put side by side: which is the second is not known beforehand.
    let manifest = Fault::new(What::status(503)).on(Service::EcrRegistry).method(Method::PUT);
    world.sandbox.faults().add(manifest.matching("/manifests/PaymentGateway").every());
    let ran = world.run(&["retag-push-ecr", "--quiet"]).await.expect(6);
    page!(ran.page(&world), @r#"
    error[LF-REG-NOT-WRITTEN] exit 6
      ecr-registry.test/app:PaymentGatewayFunction-2.0.0 is not there after its write got no answer
      caused by: ecr-registry.test answered 503 to PUT manifest ecr-registry.test/app:PaymentGatewayFunction-2.0.0: 
      next: the network or the registry is failing; run again, which does what is left

    what was changed (1):
      ecr-registry.test/app:OrderServiceFunction-1.4.2: copied
    exit 6
    "#);
    assert_eq!(ran.outcome(), "partial");
    world.sandbox.faults().clear();
    let again = world.run(&["retag-push-ecr"]).await.expect(0);
    assert_eq!(again.items().iter().filter(|(_, outcome)| outcome == "unchanged").count(), 1);
    assert!(all_copied(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn promotion_partly_refused() {
    let world = World::with_versions().await;
    world.sandbox.artifactory.refuse_promotion("paymentGateway");
    let words = ["promote-artifacts", "--preset", "to-rc", "--quiet"];
    let ran = world.run(&words).await.expect(0);
    page!(ran.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    warning: LF-ART-PROMOTE paymentGateway: Artifactory answered 403 to the promotion of docker-build/shop/paymentGateway:2.0.0 to docker-rc/shop/paymentGateway:2.0.0: Promotion of 'shop/paymentGateway' to 'docker-rc' is forbidden for this user; next: give the Artifactory user read on the source; read, annotate and deploy on the target, and delete where tags are overwritten
    warning: 1 of 2 promotions failed; the stage succeeds all the same, since the release already runs (--strict fails)
    exit 0
    ");
    assert_eq!(ran.outcome(), "partial");
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!(
        (log["summary"]["successful"].as_u64(), log["summary"]["failed"].as_u64()),
        (Some(1), Some(1))
    );
    let strict = world.run(&[&words[..], &["--strict"]].concat()).await.expect(6);
    page!(strict.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    error[LF-ART-PROMOTE] exit 6
      Artifactory answered 403 to the promotion of docker-build/shop/paymentGateway:2.0.0 to docker-rc/shop/paymentGateway:2.0.0: Promotion of 'shop/paymentGateway' to 'docker-rc' is forbidden for this user
      next: give the Artifactory user read on the source; read, annotate and deploy on the target, and delete where tags are overwritten

    error[LF-PROMOTE-PARTIAL] exit 6
      1 of 2 promotions failed
      next: see the log for each; running again promotes what is left

    nothing was changed
    exit 6
    ");
    world.sandbox.artifactory.allow_promotion("paymentGateway");
    world.run(&[&words[..], &["--strict"]].concat()).await.expect(0);
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!(
        (log["summary"]["successful"].as_u64(), log["summary"]["failed"].as_u64()),
        (Some(2), Some(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_whose_answer_was_lost_is_read_back() {
    let world = World::with_versions().await;
    let promote =
        |what: What| Fault::new(what).on(Service::Artifactory).method(Method::POST).matching("/promote");
    world.sandbox.faults().add(promote(What::LoseAnswer));
    world.sandbox.faults().add(promote(What::status(503)).nth(2));
    world.run(&["promote-artifacts", "--preset", "to-rc", "--strict"]).await.expect(0);
    assert_eq!(world.sandbox.faults().pending(), 0);
    for project in world.projects() {
        assert_eq!(world.artifactory(RC_KEY)[project.project], project.image().digest());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_at_the_target_of_a_promotion() {
    let world = World::with_versions().await;
    let project = world.projects()[0];
    let repository = world.sandbox.source_repository(RC_KEY, project.project);
    world.sandbox.artifactory.put_image(&repository, project.version, &project.running_image());
    let words = ["promote-artifacts", "--preset", "to-rc", "--strict", "--quiet"];
    let ran = world.run(&words).await;
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    page!(ran.page(&world), @r#"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    error[LF-REG-TAG-TAKEN] exit 6
      docker-rc/shop/orderService:1.4.2 exists with other content: [digest] is there, [digest] was to be
      next: release a new version; with --overwrite the tag is moved and what it named before loses its name

    error[LF-PROMOTE-PARTIAL] exit 6
      1 of 2 promotions failed
      next: see the log for each; running again promotes what is left

    what was changed (1):
      paymentGateway: promoted
    exit 6
    "#);
    assert_eq!(
        world.artifactory(RC_KEY)[project.project],
        project.running_image().digest(),
        "never overwritten"
    );
}
