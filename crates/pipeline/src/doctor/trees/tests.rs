use std::collections::BTreeSet;

use landfall_artifacts::STAGES;

use super::TREES;
use crate::doctor::failure;

#[test]
fn every_tree_can_be_walked_from_its_top() {
    for (stage, tree) in TREES {
        assert!(*stage == "any other stage" || STAGES.iter().any(|known| known.name == *stage), "{stage}");
        let mut before = BTreeSet::new();
        let mut looks = Vec::new();
        for check in *tree {
            for id in check.after {
                assert!(
                    before.contains(id),
                    "{stage}: {} is after {id}, which does not stand before it",
                    check.id
                );
            }
            for id in check.failures {
                assert!(failure(id).is_some(), "{stage}: {} names {id}, which has no page", check.id);
            }
            assert!(before.insert(check.id), "{stage}: {} stands twice", check.id);
            assert!(check.asks.ends_with('?'), "{stage}: {}", check.asks);
            if looks.last() != Some(&check.by) {
                assert!(
                    !looks.contains(&check.by),
                    "{stage}: checks by one look stand apart at {}",
                    check.id
                );
                looks.push(check.by);
            }
        }
    }
}
