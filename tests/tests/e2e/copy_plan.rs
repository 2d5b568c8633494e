//! A copy is planned, approved, and carried out as it was approved.

use landfall_sandbox::BUILD_KEY;
use landfall_sandbox::images::function_image;

use crate::snapshot::page;
use crate::world::World;

fn one_space(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_plan_and_writes_it_where_that_is_wanted() {
    let world = World::copyable().await;
    let ran =
        world.run(&["retag-push-ecr", "--dry-run", "--quiet", "--plan-out", "plan.json"]).await.expect(0);
    // Hosts differ in length, and with them the columns.
    let words: Vec<String> = world.tidy(&ran.stdout).lines().map(one_space).collect();
    page!(words.join("\n"), @r"
    image at the target to send of
    ecr-registry.test/app:OrderServiceFunction-1.4.2 new 1.0 MiB 1.0 MiB
    ecr-registry.test/app:PaymentGatewayFunction-2.0.0 new 1015 B 1.0 MiB
    requests: 4 blob.GET, 4 manifest.HEAD, 2 manifest.PUT, 6 upload.POST, 6 upload.PUT
    2 of 2 images would be copied: 1.0 MiB in 6 blobs; 1.0 MiB need not be sent
    ");
    let plan = world.json("plan.json");
    assert_eq!(plan["totals"]["changes"], 2);
    assert_eq!(plan["images"][0]["state"], "absent");
    assert_eq!(
        plan["blobs"].as_array().map(Vec::len),
        plan["totals"]["sendBlobs"].as_u64().map(|n| n as usize)
    );
    assert_eq!(plan["problems"].as_array().map(Vec::len), Some(0));
    let expected = plan["requests"].clone();

    let ran = world.run(&["retag-push-ecr", "--plan", "plan.json"]).await.expect(0);
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "copied").count(), 2);
    let made = &ran.report()["requests"];
    for kind in ["registry.upload.POST", "registry.upload.PUT", "registry.manifest.PUT"] {
        assert_eq!(made[kind], expected[kind], "{kind}");
    }
    assert_eq!(
        made["registry.blob.GET"], plan["totals"]["sendBlobs"],
        "those for the plan are not made again"
    );
    assert_eq!(ran.report()["traffic"]["throttled"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_since_the_approval_is_refused_before_a_byte() {
    let world = World::copyable().await;
    world.run(&["retag-push-ecr", "--dry-run", "--plan-out", "plan.json"]).await.expect(0);
    let repository = world.sandbox.source_repository(BUILD_KEY, "orderService");
    let other = function_image("orderService", "1.4.2", "amd64", 100);
    world.sandbox.artifactory.put_image(&repository, "1.4.2", &other);
    let writes = world.writes().len();
    let ran = world.run(&["retag-push-ecr", "--plan", "plan.json", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r"
    error[LF-REG-SOURCE-MOVED] exit 3
      artifactory.test/docker-build/shop/orderService:1.4.2 names [digest], and [digest] was planned
      next: find out who moved it; where it was meant, make a new plan and have it approved

    nothing was changed
    exit 3
    ");
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_other_images_is_refused() {
    let world = World::copyable().await;
    world.run(&["retag-push-ecr", "--dry-run", "--plan-out", "plan.json"]).await.expect(0);
    let plan = world.read("plan.json").replace("OrderServiceFunction-1.4.2", "OrderServiceFunction-1.4.1");
    world.write("plan.json", &plan);
    let ran = world.run(&["retag-push-ecr", "--plan", "plan.json", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r"
    error[LF-RETAG-PLAN] exit 3
      ecr-registry.test/app:OrderServiceFunction-1.4.2 is not in plan.json
      ecr-registry.test/app:OrderServiceFunction-1.4.1 is in plan.json, and nothing asks for it now
      next: make a new plan with --plan-out and have it approved

    nothing was changed
    exit 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_problems_is_written_too_and_not_carried_out() {
    let world = World::copyable().await;
    let project = world.projects()[0];
    world.sandbox.ecr_registry.put_image("app", &project.tag(), &project.running_image());
    world.run(&["retag-push-ecr", "--dry-run", "--plan-out", "plan.json"]).await.expect(3);
    let plan = world.json("plan.json");
    assert_eq!(plan["problems"][0]["code"], "LF-REG-TAG-TAKEN");
    assert_eq!(plan["totals"]["images"], 1);
    let ran = world.run(&["retag-push-ecr", "--plan", "plan.json", "--quiet"]).await.expect(3);
    assert!(ran.codes().contains(&"LF-RETAG-PLAN"), "{:?}", ran.codes());
}
