//! The kinds of faults: one row each, which says where it makes sense and how a copy may end that meets it.

use std::time::Duration;

use http::StatusCode;
use landfall_artifacts::Class;
use landfall_sandbox::{Service, What};

use crate::answers::{
    compressed, endless, expired, foreign_location, foreign_realm, foreign_redirect, forgotten, login_page,
    metadata_location, misnamed, mistyped, no_location, refused, spoilt_token, throttled, to_change,
    to_content, unauthorized, unheard, unnamed, within_answer, within_request,
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

/// No answer is taken, and of a write it is not known what came of it.
fn may_go_unheard(_: &Spot) -> Expect {
    MayFail(&[Class::Transient, Class::Unknown])
}

/// A storage that answers so has a passing fault, for all that is known.
fn may_be_refused_or_storage(spot: &Spot) -> Expect {
    match spot.asked {
        Asked::StoredBlob => MayFail(&[Class::Refused, Class::Transient]),
        _ => MayFail(&[Class::Refused]),
    }
}

/// A blob may come from anywhere, and is held against its digest.
fn may_be_led_away(spot: &Spot) -> Expect {
    match spot.asked {
        Asked::SourceBlob => MayFail(&[Class::Integrity, Class::Refused]),
        _ => may_be_refused_or_storage(spot),
    }
}

/// What the head promises and the body is not: of a blob it is known from its manifest how long it is.
fn may_be_found_out_of_blobs(spot: &Spot) -> Expect {
    if spot.asked == Asked::SourceManifest { Survives } else { MayFail(&[Class::Integrity]) }
}

/// Every kind. A new one is a new row.
pub(crate) const KINDS: &[Kind] = &[
    row("reset before", ONCE, |_, _| Some(What::CutBefore), survives),
    row(
        "answer cut after its head",
        ONCE,
        |spot, _| within_answer(spot, What::CutAfterBytes, |_| 0),
        survives,
    ),
    row(
        "answer cut after its first byte",
        ONCE,
        |spot, _| within_answer(spot, What::CutAfterBytes, |_| 1),
        survives,
    ),
    row(
        "answer cut in the middle",
        ONCE,
        |spot, _| within_answer(spot, What::CutAfterBytes, |bytes| bytes / 2),
        survives,
    ),
    row(
        "answer cut before its last byte",
        ONCE,
        |spot, _| within_answer(spot, What::CutAfterBytes, |bytes| bytes - 1),
        survives,
    ),
    row(
        "request cut after its head",
        ONCE,
        |spot, _| within_request(spot, What::CutRequestAfter, |_| 0),
        survives,
    ),
    row(
        "request cut after its first byte",
        ONCE,
        |spot, _| within_request(spot, What::CutRequestAfter, |_| 1),
        survives,
    ),
    row(
        "request cut in the middle",
        ONCE,
        |spot, _| within_request(spot, What::CutRequestAfter, |bytes| bytes / 2),
        survives,
    ),
    row(
        "request cut before its last byte",
        ONCE,
        |spot, _| within_request(spot, What::CutRequestAfter, |bytes| bytes - 1),
        survives,
    ),
    row("lost answer", ONCE, |spot, _| to_change(spot, What::LoseAnswer), survives),
    row("stall before the effect", ONCE, |spot, _| to_change(spot, unheard()), survives),
    row("stall after the effect", ONCE, |_, _| Some(What::StallAnswer), survives),
    row(
        "answer stalls after its head",
        ONCE,
        |spot, _| within_answer(spot, What::StallAfterBytes, |_| 0),
        survives,
    ),
    row(
        "answer stalls in the middle",
        ONCE,
        |spot, _| within_answer(spot, What::StallAfterBytes, |bytes| bytes / 2),
        survives,
    ),
    row(
        "answer stalls before its last byte",
        ONCE,
        |spot, _| within_answer(spot, What::StallAfterBytes, |bytes| bytes - 1),
        survives,
    ),
    row(
        "request stalls after its head",
        ONCE,
        |spot, _| within_request(spot, What::StallRequestAfter, |_| 0),
        survives,
    ),
    row(
        "request stalls in the middle",
        ONCE,
        |spot, _| within_request(spot, What::StallRequestAfter, |bytes| bytes / 2),
        survives,
    ),
    row(
        "500 after the effect",
        ONCE,
        |spot, _| to_change(spot, What::FailAfter(StatusCode::INTERNAL_SERVER_ERROR)),
        survives,
    ),
    row(
        "500 after the effect three times",
        THRICE,
        |spot, _| to_change(spot, What::FailAfter(StatusCode::INTERNAL_SERVER_ERROR)),
        survives,
    ),
    row("ten thousand answers of status 103", ONCE, |_, _| Some(What::Hints(10_000)), survives),
    row("a header of 1 MiB", ONCE, |_, _| Some(What::GiantHeader(1 << 20)), survives),
    row("a header of 1 MiB for ever", ALWAYS, |_, _| Some(What::GiantHeader(1 << 20)), may_go_unheard),
    row("ten thousand headers", ONCE, |_, _| Some(What::ManyHeaders(10_000)), survives),
    row("ten thousand headers for ever", ALWAYS, |_, _| Some(What::ManyHeaders(10_000)), may_go_unheard),
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
    row("503 for ever", ALWAYS, |_, _| Some(What::status(503)), may_go_unheard),
    row(
        "401",
        ONCE,
        |spot, _| unauthorized(spot),
        |spot| match spot.service {
            // A token is asked for anew, but not twice. A password that was not taken is not carried again: that locks accounts.
            Service::Artifactory if spot.asked != Asked::Token && !spot.is_answer_to_401 => Survives,
            _ => MayFail(&[Class::Refused]),
        },
    ),
    row("spoilt token", ONCE, |spot, _| spoilt_token(spot), may_be_refused),
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
    row("address that is over", ONCE, |spot, _| expired(spot), survives),
    row("upload that is forgotten", ONCE, |spot, _| forgotten(spot), survives),
    row("wrong digest", ONCE, |spot, _| to_content(spot, What::FlipBit(spot.answered_bytes / 2)), survives),
    row(
        "wrong digest for ever",
        ALWAYS,
        |spot, _| to_content(spot, What::FlipBit(spot.answered_bytes / 2)),
        may_be_found_out,
    ),
    row("wrong digest in the head", ONCE, |spot, _| misnamed(spot), may_be_found_out),
    row("no digest in the head", ONCE, |spot, _| unnamed(spot), survives),
    row("too short", ONCE, |spot, _| to_content(spot, What::Shorten(1)), may_be_found_out),
    row("too long", ONCE, |spot, _| to_content(spot, What::Lengthen(1)), may_be_found_out),
    row("far too long", ONCE, |spot, _| endless(spot), may_be_found_out),
    row(
        "shorter than promised",
        ONCE,
        |spot, _| to_content(spot, What::PromiseMore(1)),
        may_be_found_out_of_blobs,
    ),
    row("longer than promised", ONCE, |spot, _| to_content(spot, What::PromiseFewer(1)), may_be_found_out),
    row("wrong media type", ONCE, |spot, _| mistyped(spot), may_be_found_out),
    row("encoded", ONCE, |spot, _| compressed(spot), |_| MayFail(&[Class::Transient])),
    row("redirect in a circle", ALWAYS, |_, _| Some(What::RedirectToItself), may_be_refused_or_storage),
    row("redirect to a foreign host", ONCE, |_, scene| Some(foreign_redirect(scene)), may_be_led_away),
    row("foreign location", ONCE, foreign_location, may_be_led_away),
    row("location of the metadata service", ONCE, |spot, _| metadata_location(spot), may_be_refused),
    row("no location", ONCE, |spot, _| no_location(spot), |_| MayFail(&[Class::Transient])),
    row("foreign realm", ONCE, |_, scene| Some(foreign_realm(scene)), may_be_refused_or_storage),
    row(
        "login page",
        ONCE,
        |_, _| Some(login_page()),
        |spot| match spot.asked {
            Asked::SourceManifest | Asked::TargetManifest | Asked::SourceBlob | Asked::StoredBlob => {
                MayFail(&[Class::Transient, Class::Integrity])
            }
            Asked::ManifestPut => MayFail(&[Class::Transient, Class::Unknown]),
            Asked::TargetBlob | Asked::Upload => MayFail(&[Class::Transient, Class::Refused]),
            // No page can be meant there, and asking again does no harm.
            Asked::Token | Asked::UploadStart => Survives,
        },
    ),
];
