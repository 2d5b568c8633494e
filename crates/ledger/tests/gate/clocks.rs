//! Windows by the clocks of a place, over the nights in which clocks are moved.

use landfall_artifacts::Explain as _;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::world::{World, subject};

fn frozen(window: &str, now: OffsetDateTime) -> bool {
    let text = format!("[environment.prod]\nfreeze = [{window}]\n");
    let world = World { events: Vec::new(), now };
    let missing = world.missing(&text, &subject("r1", "prod", b"1"));
    missing.iter().any(|one| one.code() == "LF-GATE-FROZEN")
}

/// The first and the last minute of the next frozen time, looking minute by minute.
fn window_after(window: &str, mut now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
    while !frozen(window, now) {
        now += Duration::minutes(15);
    }
    let from = now;
    while frozen(window, now) {
        now += Duration::minutes(15);
    }
    (from, now)
}

#[test]
fn the_week_goes_by_the_clocks_of_the_place() {
    let weekly = r#"{ weekly = "Fri 15:00-Mon 06:00", zone = "Europe/London" }"#;
    for (from, until, after) in [
        // Winter, summer, and over both nights in which the clocks are moved.
        (datetime!(2025-01-10 15:00 UTC), datetime!(2025-01-13 06:00 UTC), datetime!(2025-01-08 0:00 UTC)),
        (datetime!(2025-07-11 14:00 UTC), datetime!(2025-07-14 05:00 UTC), datetime!(2025-07-08 0:00 UTC)),
        (datetime!(2025-03-28 15:00 UTC), datetime!(2025-03-31 05:00 UTC), datetime!(2025-03-26 0:00 UTC)),
        (datetime!(2025-10-24 14:00 UTC), datetime!(2025-10-27 06:00 UTC), datetime!(2025-10-22 0:00 UTC)),
    ] {
        assert_eq!(window_after(weekly, after), (from, until));
        assert!(!frozen(weekly, from - Duration::nanoseconds(1)) && frozen(weekly, from));
        assert!(frozen(weekly, until - Duration::nanoseconds(1)) && !frozen(weekly, until));
    }
}

#[test]
fn hours_that_stand_twice_or_nowhere_are_frozen_whole() {
    // On 2025-10-26 London's 01:30 came at 00:30 and at 01:30 UTC; on 2025-03-30 it did not come.
    let twice = r#"{ weekly = "Sun 01:30-Sun 01:45", zone = "Europe/London" }"#;
    assert_eq!(
        window_after(twice, datetime!(2025-10-26 0:00 UTC)),
        (datetime!(2025-10-26 00:30 UTC), datetime!(2025-10-26 01:45 UTC))
    );
    assert_eq!(
        window_after(twice, datetime!(2025-03-30 0:00 UTC)),
        (datetime!(2025-03-30 00:30 UTC), datetime!(2025-03-30 01:45 UTC))
    );
}

#[test]
fn a_part_of_the_week_may_run_over_its_end_and_be_nearly_all_of_it() {
    let nearly = r#"{ weekly = "Wed 10:00-Wed 09:00", zone = "Pacific/Auckland" }"#;
    let (from, until) = window_after(nearly, datetime!(2025-06-10 21:30 UTC));
    assert_eq!(until - from, Duration::hours(7 * 24 - 1));
    assert_eq!(from, datetime!(2025-06-10 22:00 UTC));
    let over = r#"{ weekly = "Sun 23:00-Mon 01:00", zone = "America/Los_Angeles" }"#;
    assert_eq!(
        window_after(over, datetime!(2025-12-14 0:00 UTC)),
        (datetime!(2025-12-15 07:00 UTC), datetime!(2025-12-15 09:00 UTC))
    );
    let same_day = r#"{ weekly = "Mon 09:00-Mon 17:00", zone = "Asia/Kolkata" }"#;
    assert_eq!(
        window_after(same_day, datetime!(2025-12-14 0:00 UTC)),
        (datetime!(2025-12-15 03:30 UTC), datetime!(2025-12-15 11:30 UTC))
    );
}

#[test]
fn a_window_of_two_moments_has_its_first_and_not_its_last() {
    let once = r#"{ from = 2025-12-20T18:00:00+01:00, until = 2026-01-02T09:00:00Z, reason = "holidays" }"#;
    assert!(!frozen(once, datetime!(2025-12-20 16:59:59 UTC)));
    assert!(frozen(once, datetime!(2025-12-20 17:00 UTC)));
    assert!(frozen(once, datetime!(2026-01-02 08:59:59 UTC)));
    assert!(!frozen(once, datetime!(2026-01-02 09:00 UTC)));
    let text = format!("[environment.prod]\nfreeze = [{once}]\n");
    let world = World { events: Vec::new(), now: datetime!(2025-12-24 20:00 UTC) };
    insta::assert_snapshot!(world.lines(&text, &subject("r1", "prod", b"1")), @r#"
    prod is frozen until 2026-01-02 09:00 UTC: holidays
    "#);
}
