//! Whether record, old bytes and ledger lie where a publication does not publish or delete them.

use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, Problem};
use landfall_ledger::Place;
use landfall_s3_sync::tree::{Keep, TreeAddress};

/// Everything that is wrong with where they lie.
pub(super) fn problems(
    (folder, address): (&Path, &TreeAddress),
    record: &Path,
    keep: &Keep,
    ledger: &Place,
) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut refuse = |what: String, remedy: &str| {
        found.push(Problem::new("LF-SYNC-PLACE", Class::Input, what).with_remedy(remedy.to_owned()));
    };
    let shown = |path: &Path| landfall_secret::escape(&path.to_string_lossy(), 200);
    if lies_in(record, folder) {
        let what = format!("the record {} would be published with {}", shown(record), shown(folder));
        refuse(what, "give a file outside of the folder by --record");
    }
    match keep {
        Keep::Folder(kept) if lies_in(kept, folder) || lies_in(folder, kept) => {
            let what =
                format!("{} is kept apart from {}, and one lies in the other", shown(kept), shown(folder));
            refuse(what, "give a folder outside of the published one by --keep-old");
        }
        Keep::Prefix(kept) if overlap(kept, address) => {
            let what =
                format!("old bytes are kept below {kept}, and published is {address}: one lies in the other");
            refuse(what, "give a prefix beside the published one by --keep-old");
        }
        Keep::Folder(_) | Keep::Prefix(_) | Keep::Nothing | Keep::Versions => {}
    }
    let target = Place::S3 { bucket: address.bucket().clone(), prefix: address.prefix().to_owned() };
    if target.overlaps(ledger) {
        let what = format!("the ledger is at {ledger}, and published is {address}: one lies in the other");
        refuse(what, "publish beside the ledger, or give it a bucket of its own");
    }
    found
}

/// Whether a file or folder is below a folder, or is it. What is not there yet is placed by the nearest folder that is.
fn lies_in(path: &Path, folder: &Path) -> bool {
    match (placed(path), placed(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        // Places that cannot be found are told by whoever reads or writes there.
        _ => false,
    }
}

fn placed(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|above| {
        let real = above.canonicalize().ok()?;
        Some(real.join(path.strip_prefix(above).ok()?))
    })
}

fn overlap(one: &TreeAddress, other: &TreeAddress) -> bool {
    let (first, second) = (one.prefix(), other.prefix());
    one.bucket() == other.bucket() && (first.starts_with(second) || second.starts_with(first))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_ledger::Place;
    use landfall_s3_sync::tree::Keep;

    use super::problems;

    fn told(folder: &Path, record: &str, keep: &Keep) -> usize {
        let address = "s3://acme-config/web".parse().expect("an address");
        let ledger = Place::Folder(folder.join(".landfall/ledger"));
        problems((folder, &address), &folder.join(record), keep, &ledger).len()
    }

    #[test]
    fn a_ledger_is_not_published_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let record = dir.path().join("../record.json");
        for (target, ledger, is_refused) in [
            ("s3://acme-config/web", "s3://acme-config/web/ledger", true),
            ("s3://acme-config/web", "s3://acme-config/web", true),
            ("s3://acme-config/web", "s3://acme-config", true),
            ("s3://acme-config", "s3://acme-config/ledger", true),
            ("s3://acme-config/web", "s3://acme-config/web-ledger", false),
            ("s3://acme-config/web", "s3://acme-ledger/web", false),
        ] {
            let (address, place) = (target.parse().expect(target), ledger.parse().expect(ledger));
            let found = problems((dir.path(), &address), &record, &Keep::Nothing, &place);
            assert_eq!(found.len(), usize::from(is_refused), "{target} {ledger}");
            assert!(found.iter().all(|problem| problem.told().contains("the ledger")), "{found:?}");
        }
    }

    #[test]
    fn what_would_publish_or_delete_itself_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("merged");
        std::fs::create_dir(&folder).expect("made");
        let folder = folder.as_path();
        let in_folder = |name: &str| Keep::Folder(folder.join(name));
        let in_prefix = |address: &str| Keep::Prefix(address.parse().expect("an address"));
        let aside = "../record.json";
        assert_eq!(told(folder, aside, &Keep::Nothing), 0);
        assert_eq!(told(folder, "record.json", &Keep::Nothing), 1);
        assert_eq!(told(folder, "new/record.json", &in_folder("kept")), 2);
        assert_eq!(told(folder, aside, &in_folder("../merged/kept")), 1);
        assert_eq!(
            told(folder, aside, &in_folder("..")),
            1,
            "what is kept there is not told from what is published"
        );
        assert_eq!(told(folder, aside, &in_folder("../kept")), 0);
        assert_eq!(told(folder, aside, &in_folder("../merged-old")), 0);
        std::os::unix::fs::symlink(folder, dir.path().join("link")).expect("linked");
        assert_eq!(told(folder, aside, &in_folder("../link/kept")), 1);
        for (kept, problems) in [
            ("s3://acme-config/web/kept", 1),
            ("s3://acme-config/web", 1),
            ("s3://acme-config", 1),
            ("s3://acme-config/web-kept", 0),
            ("s3://acme-kept/web", 0),
        ] {
            assert_eq!(told(folder, aside, &in_prefix(kept)), problems, "{kept}");
        }
    }
}
