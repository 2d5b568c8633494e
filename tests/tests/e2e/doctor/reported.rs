//! From what a failed job left straight to the cause; the page for a ticket; without any service.

use serde_json::Value;

use super::Clinic;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_report_leads_to_the_cause_and_says_when_it_is_gone() {
    let clinic = Clinic::of(World::deployable().await);
    let project = clinic.world.projects()[0];
    clinic.world.sandbox.ecr_registry.remove_tag("app", &project.tag());
    let ran = clinic.world.run(&["deploy-lambda", "--quiet"]).await.expect(3);
    clinic.world.write("report.json", &ran.report().to_string());
    clinic.world.write("job.log", &format!("$ deploy-lambda\n{}ERROR: Job failed\n", ran.stderr));
    for words in [&["--from", "report.json"][..], &["deploy-lambda", "--from", "job.log"]] {
        let answer = clinic.answer(words).await;
        let cause = &answer["reported"][0]["causes"][0];
        assert_eq!(
            (&cause["failure"], &cause["now"]),
            (&"image-not-in-ecr".into(), &"still".into()),
            "{words:?}"
        );
        assert_eq!(answer["examined"].as_array().map(Vec::len), Some(1), "only the job that failed");
    }
    // Of a log alone it is not known which job to look at, and the cause is named all the same.
    let answer = clinic.answer(&["--from", "job.log"]).await;
    let cause = &answer["reported"][0]["causes"][0];
    assert_eq!((&cause["failure"], &cause["now"]), (&"image-not-in-ecr".into(), &"not-seen".into()));

    clinic.world.sandbox.ecr_registry.put_image("app", &project.tag(), &project.image());
    let answer = clinic.answer(&["--from", "report.json"]).await;
    assert_eq!(answer["reported"][0]["causes"][0]["now"], "gone");
    assert_eq!(answer["inTheWay"], Value::Bool(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_a_tree() {
    let clinic = Clinic::of(World::deployable().await);
    clinic.world.sandbox.lambda.delete_function("OrderServiceFunction");
    let ran = clinic.world.run(&["doctor", "deploy-lambda"]).await.expect(3);
    for line in [
        "deploy-lambda in stg_eu00\n",
        "  ok           environment-free  nobody holds stg_eu00\n",
        "  FAILED       functions         is there a function of each name, which the role may read?\n",
        "      function-missing: Lambda has no function of that name\n",
        "      [LF-LAMBDA-MISSING] function OrderServiceFunction does not exist in eu-west-1\n",
        "      page: docs/failures/function-missing.md, or landfall doctor --about function-missing\n",
        "  not reached  fit               after functions\n",
        "\nfunction-missing: 1 of 13 checks failed\n",
    ] {
        assert!(ran.stdout.contains(line), "no {line:?} in\n{}", ran.stdout);
    }
    assert!(ran.stderr.contains("error[LF-DOCTOR-FOUND] exit 3\n"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("nothing was changed\n"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_for_a_ticket_holds_no_secret() {
    let mut world = World::small().await;
    let wrong = "11111111-2222-3333-4444-555555555555";
    world.set("VAULT_SECRET_ID", wrong);
    world.further_secrets.push(wrong.to_owned());
    let words = ["doctor", "aws-credentials", "--login", "--markdown"];
    let ran = world.run(&words).await.expect(3);
    for line in [
        "# landfall doctor: vault-login-refused: 1 of 9 checks failed",
        "\n## aws-credentials in stg\\_eu00\n",
        "- **vault-login-refused** Vault refuses role id and secret id (found by `login`)\n",
        "\n| login | failed | ",
        "\n| policy | not-reached | after login |\n",
    ] {
        assert!(ran.stdout.contains(line), "no {line:?} in\n{}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_asks_nobody() {
    let world = World::deployable().await;
    let asked = world.sandbox.journal().count();
    let clinic = Clinic::of(world);
    for stage in [
        "aws-credentials",
        "prepare-docker-config",
        "retag-push-ecr",
        "deploy-lambda",
        "create-jira-tickets",
        "promote-artifacts",
    ] {
        let answer = clinic.answer(&[stage, "--offline"]).await;
        let checks = answer["examined"][0]["checks"].as_array().expect("checks").clone();
        let skipped = checks.iter().filter(|check| check["because"] == "offline").count();
        assert!(skipped > 0 && checks.iter().any(|check| check["verdict"] == "good"), "{stage}: {checks:#?}");
    }
    assert_eq!(clinic.world.sandbox.journal().count(), asked, "somebody was asked");
}
