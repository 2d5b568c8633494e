//! Notes beside the records, in both stores.

use landfall_artifacts::{Class, Explain as _};
use landfall_ledger::Error;
use landfall_sandbox::{Fault, Service, What};

use crate::{BUCKET, Place, noted};

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_there_until_it_is_taken_away() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        let drawer = ledger.drawer("notify-queue");
        assert_eq!(drawer.list("").await.expect("nothing yet"), Vec::<String>::new());
        assert_eq!(drawer.get("a.json").await.expect("nothing yet"), None);
        drawer.remove("a.json").await.expect("nothing to take away");
        for name in ["c.json", "a.json", "b.json"] {
            assert!(drawer.put(name, name.into()).await.expect("put"));
        }
        assert!(!drawer.put("a.json", b"other".to_vec()).await.expect("it is there already"));
        assert!(drawer.put("empty", Vec::new()).await.expect("put"));

        // As another process sees it; records and notes do not get into each other's way.
        ledger.append(noted("one")).await.expect("appended");
        let other = place.open("bob").await;
        assert_eq!(other.append(noted("two")).await.expect("appended").sequence, 2);
        assert_eq!(other.verify(None).await.expect("whole").records, 2);
        let drawer = other.drawer("notify-queue");
        assert_eq!(drawer.list("").await.expect("listed"), ["a.json", "b.json", "c.json", "empty"]);
        assert_eq!(drawer.list("a.json").await.expect("listed"), ["b.json", "c.json", "empty"]);
        assert_eq!(drawer.get("a.json").await.expect("read").as_deref(), Some(b"a.json".as_slice()));
        assert_eq!(drawer.get("empty").await.expect("read"), Some(Vec::new()));
        assert!(other.drawer("notify-told").list("").await.expect("another one").is_empty());
        for _ in 0..2 {
            drawer.remove("b.json").await.expect("taken away");
        }
        assert_eq!(drawer.list("").await.expect("listed"), ["a.json", "c.json", "empty"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_stay_in_their_drawer_and_notes_are_small() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        let drawer = ledger.drawer("notify-queue");
        for name in ["", "../00000000000000000001.json", "a/b", ".a", "a b", &"x".repeat(129)] {
            assert!(matches!(drawer.put(name, vec![1]).await, Err(Error::Place { .. })), "{name}");
            assert!(drawer.get(name).await.is_err() && drawer.remove(name).await.is_err(), "{name}");
        }
        assert!(matches!(drawer.put("a", vec![0; 131_073]).await, Err(Error::TooLarge { .. })));
        assert!(drawer.put("a", vec![0; 131_072]).await.expect("as large as may be"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_notes_the_first_thousand_are_listed() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        let drawer = ledger.drawer("notify-queue");
        match &place {
            Place::Folder(folder) => {
                let folder = folder.path().join("app/notify-queue");
                std::fs::create_dir_all(&folder).expect("a folder");
                for number in 0..1_200 {
                    std::fs::write(folder.join(format!("{number:04}")), "x").expect("written");
                }
            }
            Place::S3(sandbox, _) => {
                for number in 0..1_200 {
                    sandbox.s3.put(BUCKET, &format!("app/notify-queue/{number:04}"), "x");
                }
                sandbox.s3.put(BUCKET, "app/notify-queue/!/no-note", "x");
            }
        }
        let listed = drawer.list("").await.expect("listed");
        assert_eq!((listed.len(), listed.last().map(String::as_str)), (1000, Some("0999")));
        assert_eq!(drawer.list("0999").await.expect("the rest").len(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_an_answer_a_note_is_whole_or_absent() {
    for what in [What::CutBefore, What::LoseAnswer, What::status(500), What::status(503)] {
        for method in ["PUT", "GET", "DELETE"] {
            let place = Place::s3().await;
            let drawer = place.open("ada").await.drawer("notify-queue");
            let fault = Fault::new(what.clone()).on(Service::S3).method(method.parse().expect("a method"));
            place.sandbox().faults().add(fault);
            match drawer.put("a", b"note".to_vec()).await {
                Ok(_) => {
                    assert_eq!(drawer.get("a").await.expect("read").as_deref(), Some(b"note".as_slice()));
                }
                Err(error) => assert!(
                    matches!(error.class(), Class::Transient | Class::Unknown),
                    "{what:?} {method}: {error}"
                ),
            }
            let _ = drawer.remove("a").await;
            drawer.remove("a").await.expect("taken away");
            assert_eq!(drawer.get("a").await.expect("read"), None);
        }
    }
    let place = Place::s3().await;
    let drawer = place.open("ada").await.drawer("notify-queue");
    place.sandbox().faults().add(Fault::new(What::status(403)).on(Service::S3).every());
    let refused = drawer.remove("a").await.expect_err("denied");
    assert_eq!(refused.class(), Class::Refused);
    assert!(refused.remedy().is_some_and(|remedy| remedy.contains("s3:DeleteObject")));
}
