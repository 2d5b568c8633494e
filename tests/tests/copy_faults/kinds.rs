//! The kinds of faults: one row each, which says where it makes sense and how a copy may end that meets it.

use std::time::Duration;

use http::Method;
use landfall_artifacts::Class;
use landfall_sandbox::{Service, What};

use crate::answers::{
    altered, answer_cut, circle, compressed, endless, flipped, foreign_realm, foreign_redirect,
    foreign_upload, login_page, longer, refusal, refused, request_cut, shorter, throttled, unauthorized,
    wrong_head,
};
use crate::scene::Scene;
use crate::spot::{Asked, Spot};

/// How a copy may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// All images are copied.
    Survives,
    /// All images are copied, or it fails with problems of these classes.
    MayFail(&'static [Class]),
}

/// A kind of fault.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// How often it strikes, one request like the other.
    pub(crate) times: u64,
    /// What it does to a request; `None` where it makes no sense.
    pub(crate) what: fn(&Spot, &Scene) -> Option<What>,
    pub(crate) expect: fn(&Spot) -> Expect,
    /// The least that the copy has to wait, on the clock of the run.
    pub(crate) wait: Duration,
}

use Expect::{MayFail, Survives};

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);
const ONCE: u64 = 1;
const THRICE: u64 = 3;
const ALWAYS: u64 = u64::MAX;

const fn row(
    name: &'static str,
    times: u64,
    what: fn(&Spot, &Scene) -> Option<What>,
    expect: fn(&Spot) -> Expect,
) -> Kind {
    Kind { name, times, what, expect, wait: Duration::ZERO }
}

impl Kind {
    const fn waits(self, seconds: u64) -> Self {
        Self { wait: Duration::from_secs(seconds), ..self }
    }
}

fn survives(_: &Spot) -> Expect {
    Survives
}

fn may_be_refused(_: &Spot) -> Expect {
    MayFail(&[Class::Refused])
}

fn may_be_found_out(_: &Spot) -> Expect {
    MayFail(&[Class::Integrity])
}

/// A storage that answers so has a passing fault, for all that is known.
fn may_be_refused_or_storage(spot: &Spot) -> Expect {
    match spot.asked {
        Asked::StoredBlob => MayFail(&[Class::Refused, Class::Transient]),
        _ => MayFail(&[Class::Refused]),
    }
}

/// Every kind. A new one is a new row.
pub(crate) const KINDS: &[Kind] = &[
    row("reset before", ONCE, |_, _| Some(What::CutBefore), survives),
    row("reset after the head", ONCE, |_, _| Some(What::CutAfterBytes(0)), survives),
    row(
        "answer cut after its first byte",
        ONCE,
        |spot, _| spot.has_body().then_some(What::CutAfterBytes(1)),
        survives,
    ),
    row("answer cut in the middle", ONCE, |spot, _| answer_cut(spot, |length| length / 2), survives),
    row("answer cut before its last byte", ONCE, |spot, _| answer_cut(spot, |length| length - 1), survives),
    row("request cut before its first byte", ONCE, |spot, _| request_cut(spot, |_| 0), survives),
    row("request cut after its first byte", ONCE, |spot, _| request_cut(spot, |_| 1), survives),
    row("request cut in the middle", ONCE, |spot, _| request_cut(spot, |length| length / 2), survives),
    row("request cut before its last byte", ONCE, |spot, _| request_cut(spot, |length| length - 1), survives),
    row("lost answer", ONCE, |spot, _| spot.changes().then_some(What::LoseAnswer), survives),
    row(
        "silence before the effect",
        ONCE,
        |spot, _| spot.changes().then_some(What::Delay(FOR_EVER)),
        survives,
    ),
    row("silence after the effect", ONCE, |_, _| Some(What::DelayAnswer(FOR_EVER)), survives),
    row("429, Retry-After 0", ONCE, |_, _| Some(throttled(Some("0"))), survives),
    row("429, Retry-After 1", ONCE, |_, _| Some(throttled(Some("1"))), survives).waits(1),
    // Two seconds after what the clock of the run shows.
    row(
        "429, Retry-After as a date",
        ONCE,
        |_, _| Some(throttled(Some("Fri, 20 Nov 2026 12:00:02 GMT"))),
        survives,
    )
    .waits(2),
    row(
        "429, Retry-After in the past",
        ONCE,
        |_, _| Some(throttled(Some("Thu, 19 Nov 2026 12:00:00 GMT"))),
        survives,
    ),
    row("429, Retry-After negative", ONCE, |_, _| Some(throttled(Some("-5"))), survives),
    row("429, Retry-After unreadable", ONCE, |_, _| Some(throttled(Some("soon"))), survives),
    row(
        "429, Retry-After a day",
        ONCE,
        |_, _| Some(throttled(Some("86400"))),
        |_| MayFail(&[Class::Transient]),
    ),
    row("429, no Retry-After", ONCE, |_, _| Some(throttled(None)), survives),
    row("429 three times", THRICE, |_, _| Some(throttled(None)), survives),
    row("500", ONCE, |_, _| Some(What::status(500)), survives),
    row("500 three times", THRICE, |_, _| Some(What::status(500)), survives),
    row("502", ONCE, |_, _| Some(What::status(502)), survives),
    row("502 three times", THRICE, |_, _| Some(What::status(502)), survives),
    row("503", ONCE, |_, _| Some(What::status(503)), survives),
    row("503 three times", THRICE, |_, _| Some(What::status(503)), survives),
    row("504", ONCE, |_, _| Some(What::status(504)), survives),
    row("504 three times", THRICE, |_, _| Some(What::status(504)), survives),
    row(
        "503 for ever",
        ALWAYS,
        |_, _| Some(What::status(503)),
        |_| MayFail(&[Class::Transient, Class::Unknown]),
    ),
    row("401", ONCE, unauthorized, |spot| match spot.service {
        // A token is asked for anew, but not twice. A password that was not taken is not carried again: that locks accounts.
        Service::Artifactory if spot.asked != Asked::Token && !spot.is_answer_to_401 => Survives,
        _ => MayFail(&[Class::Refused]),
    }),
    row(
        "address that is over",
        ONCE,
        |spot, _| (spot.asked == Asked::StoredBlob).then(|| What::status(403)),
        survives,
    ),
    row("403", ONCE, |spot, _| refused(spot, 403, "DENIED"), may_be_refused),
    row(
        "404",
        ONCE,
        |spot, _| refused(spot, 404, "NAME_UNKNOWN"),
        |spot| match spot.asked {
            // A tag that was just written and is said not to be there.
            Asked::TargetManifest => MayFail(&[Class::Refused, Class::Unknown]),
            _ => MayFail(&[Class::Refused]),
        },
    ),
    row(
        "upload that is forgotten",
        ONCE,
        |spot, _| (spot.asked == Asked::Upload).then(|| refusal(404, "BLOB_UPLOAD_UNKNOWN")),
        survives,
    ),
    row("compressed", ONCE, compressed, |_| MayFail(&[Class::Transient])),
    row("wrong digest", ONCE, |spot, _| altered(spot, flipped), survives),
    row("wrong digest for ever", ALWAYS, |spot, _| altered(spot, flipped), may_be_found_out),
    row("wrong digest in the head", ONCE, wrong_head, may_be_found_out),
    row("too short", ONCE, |spot, _| altered(spot, shorter), may_be_found_out),
    row("too long", ONCE, |spot, _| altered(spot, longer), may_be_found_out),
    row(
        "far too long",
        ONCE,
        |spot, _| (spot.method != Method::HEAD).then(endless),
        |spot| match spot.asked {
            Asked::Upload | Asked::ManifestPut => {
                MayFail(&[Class::Integrity, Class::Refused, Class::Transient, Class::Unknown])
            }
            _ => MayFail(&[Class::Integrity]),
        },
    ),
    row("redirect in a circle", ALWAYS, |spot, scene| Some(circle(spot, scene)), may_be_refused_or_storage),
    row(
        "redirect to a foreign host",
        ONCE,
        |_, scene| Some(foreign_redirect(scene)),
        |spot| match spot.asked {
            // What comes from there is held against its digest.
            Asked::SourceBlob => MayFail(&[Class::Integrity, Class::Refused]),
            _ => may_be_refused_or_storage(spot),
        },
    ),
    row("foreign realm", ONCE, |_, scene| Some(foreign_realm(scene)), may_be_refused_or_storage),
    row("foreign location of an upload", ONCE, foreign_upload, may_be_refused),
    row(
        "login page",
        ONCE,
        |_, _| Some(login_page()),
        |spot| match spot.asked {
            Asked::SourceManifest | Asked::TargetManifest | Asked::SourceBlob | Asked::StoredBlob => {
                MayFail(&[Class::Transient, Class::Integrity])
            }
            Asked::ManifestPut => MayFail(&[Class::Transient, Class::Unknown]),
            Asked::Token | Asked::TargetBlob | Asked::UploadStart | Asked::Upload => {
                MayFail(&[Class::Transient, Class::Refused])
            }
        },
    ),
];
