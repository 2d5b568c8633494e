//! What is written fits the published schemas.

use landfall_s3_sync::tree::{Keep, Labels, RuleTexts, SyncRecord};
use landfall_sandbox::s3::Etags;
use serde_json::Value;

use crate::{BUCKET, World, rules, texts};

fn assert_fits(name: &str, text: &[u8]) {
    let schema = landfall_artifacts::schemas().into_iter().find(|(known, _)| *known == name);
    let validator = jsonschema::validator_for(&schema.expect("a schema").1).expect("a valid schema");
    let value: Value = serde_json::from_slice(text).expect("JSON");
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{}", String::from_utf8_lossy(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_and_records_fit_their_schemas() {
    for etags in [Etags::Md5, Etags::Kms, Etags::Parts, Etags::Unlisted] {
        let mut world = World::new().await;
        world.options.manifest = true;
        world.sandbox.s3.set_etags(BUCKET, etags);
        world.rules =
            rules(&RuleTexts { headers: texts(&["*.json=Cache-Control: no-cache"]), ..RuleTexts::default() });
        world.ten();
        world.write("é \"\\\u{1}.bin", "odd");
        world.write("f3.json", "another");
        world.there("old.json", "old");
        let kept = tempfile::tempdir().expect("a folder");
        for keep in [Keep::Nothing, Keep::Folder(kept.path().to_owned())] {
            let (source, plan) = world.plan().await.expect("a plan");
            assert!(!plan.is_empty());
            let labels = Labels { environment: Some("stg_eu00".to_owned()), release: None };
            let record = world.tree().keep(&plan, &source, &world.rules, &keep, &labels, &world.run()).await;
            let (mut written, mut complete) = (Vec::new(), Vec::new());
            record.expect("kept").write(&mut written).expect("written");
            assert_fits("s3-sync-record", &written);
            SyncRecord::complete(&mut &written[..], &mut complete).expect("copied");
            assert_fits("s3-sync-record", &complete);
        }
        world.published().await;
        let manifest = world.text(".landfall-manifest.json").expect("a manifest");
        assert_fits("sync-manifest", manifest.as_bytes());
        assert!(manifest.contains("no-cache") && manifest.contains("é"), "{manifest}");
    }
}
