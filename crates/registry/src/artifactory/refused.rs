//! What Artifactory's refusals of a promotion mean. JFrog documents neither statuses nor texts, so that the text is only read
//! for hints: without them the status speaks alone.

use std::borrow::Cow;
use std::time::Duration;

use landfall_artifacts::Class;
use landfall_run::Hint;

use crate::error::is_passing;

/// Whether it is not known from the status alone what was done: a proxy may have given up on a server that went on.
pub(super) fn leaves_open(status: u16) -> bool {
    status >= 500 || status == 408 || status == 499
}

/// Whether the target may have come to the wanted content all the same, by this request or somebody else's. Who may not promote
/// and who asks too often has surely changed nothing.
pub(super) fn may_be_there(status: u16) -> bool {
    !matches!(status, 401 | 403 | 429)
}

/// Whether a repository key of the wrong kind may be behind it.
pub(super) fn may_be_the_key(status: u16) -> bool {
    (400..500).contains(&status) && !leaves_open(status) && !matches!(status, 401 | 429)
}

/// Whether another promotion of the same image was in the way: Artifactory holds a lock meanwhile, and says 400.
fn is_busy(status: u16, said: &str) -> bool {
    (400..500).contains(&status) && said.to_ascii_lowercase().contains("acquire lock")
}

/// What a refusal says about repeating the promotion.
pub(crate) fn hint_of(status: u16, said: &str, retry_after: Option<Duration>) -> Hint {
    if is_passing(status) || is_busy(status, said) {
        retry_after.map_or(Hint::Again, Hint::After)
    } else {
        Hint::Stop
    }
}

/// The class of a refusal.
pub(crate) fn class_of(status: u16, said: &str) -> Class {
    if is_passing(status) || is_busy(status, said) { Class::Transient } else { Class::Refused }
}

/// What to do about a refusal.
pub(crate) fn remedy_of(status: u16, said: &str) -> Option<Cow<'static, str>> {
    let says = |words: &str| said.to_ascii_lowercase().contains(words);
    Some(Cow::Borrowed(match status {
        _ if is_busy(status, said) => {
            "another promotion of this image is under way: run again later, which looks first what is there"
        }
        _ if is_passing(status) => "run again later",
        400..=499 if says("artifactory pro") => {
            "this edition of Artifactory has no Docker promotion: promote by copying (--via copy)"
        }
        400 => "look whether source and target are two local (not virtual) Docker repositories",
        401 => "renew ARTIFACTORY_USER and ARTIFACTORY_PASS, or ARTIFACTORY_TOKEN",
        403 if says("annotate") => "give the Artifactory user annotate on the target",
        403 if says("read from the source") => "give the Artifactory user read on the source",
        403 if says("write to the target") => {
            "give the Artifactory user deploy on the target, and delete where tags are overwritten"
        }
        403 => {
            "give the Artifactory user read on the source; read, annotate and deploy on the target, and delete where tags are overwritten"
        }
        404 => "check both repository keys, and that the image was pushed to the source",
        409 => "find out what else writes this tag; running again looks first what is there",
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Class;
    use landfall_run::Hint;

    use super::{class_of, hint_of, may_be_the_key, may_be_there, remedy_of};

    #[test]
    fn a_lock_that_another_promotion_holds_passes() {
        let said = "Failed to acquire lock for promotion of 'shop/orderService'";
        assert_eq!((hint_of(400, said, None), class_of(400, said)), (Hint::Again, Class::Transient));
        assert_eq!((hint_of(400, "no", None), class_of(400, "no")), (Hint::Stop, Class::Refused));
        let pause = std::time::Duration::from_secs(7);
        assert_eq!(hint_of(503, "", Some(pause)), Hint::After(pause));
    }

    #[test]
    fn the_text_makes_the_remedy_narrower() {
        let of = |status, said| remedy_of(status, said).unwrap_or_default();
        assert!(of(403, "No permission to read from the source repository").ends_with("read on the source"));
        assert!(of(403, "No permission to write to the target repository").contains("deploy on the target"));
        assert!(of(403, "User doesn't have permissions to annotate/write").contains("annotate"));
        assert!(of(400, "available only in Artifactory Pro").contains("--via copy"));
        assert_eq!(remedy_of(418, "teapot"), None);
    }

    #[test]
    fn what_surely_changed_nothing_is_not_read_back() {
        assert_eq!(
            [401, 403, 429, 400, 404, 409, 500].map(may_be_there),
            [false, false, false, true, true, true, true]
        );
        assert_eq!(
            [400, 401, 403, 404, 408, 429, 500].map(may_be_the_key),
            [true, false, true, true, false, false, false]
        );
    }
}
