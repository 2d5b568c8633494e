//! What is read where there is no terminal.

use std::time::Duration;

use landfall_run::Event;
use landfall_secret::Redactor;

use super::{MIB, Stage, copying};
use crate::show::look::{LogFormat, Look, Sections};
use crate::show::screen::Screen;
use crate::show::scribe::Scribe;

#[test]
fn ci_reads_a_line_every_five_seconds_while_bytes_move() {
    let mut stage = Stage::in_ci(LogFormat::Text);
    copying(&mut stage);
    stage.wait(4000);
    stage.advance("1a2b3c4d5e6f personalised-lobby", MIB);
    stage.tell(Event::Rewound { item: "0011aabbccdd lobby".to_owned(), bytes: 90 * MIB });
    stage.tell(Event::Retrying {
        what: "GET blob sha256:0011aabbccdd of host/app".to_owned(),
        why: "503 Service Unavailable".to_owned(),
        attempt: 2,
        pause: Duration::from_millis(412),
    });
    stage.wait(2000);
    stage.close("5f6e7d8c9b0a chat");
    stage.wait(70_000);
    stage.advance("0011aabbccdd lobby", 100 * MIB);
    stage.wait(100);
    stage.close("0011aabbccdd lobby");
    stage.close("1a2b3c4d5e6f personalised-lobby");
    stage.finish("host/app/lobby:1.4.2", "copied");
    insta::assert_snapshot!(stage.seen(), @r"
    copy 210.0 MiB: 3
      51% of 210.0 MiB, 21.6 MiB/s, 5 s left; 0 of 63 done, 3 running, slowest: 1a2b3c4d5e6f personalised-lobby 11%
      again in 0.4 s (attempt 2): GET blob sha256:0011aabbccdd of host/app: 503 Service Unavailable
      14% of 210.0 MiB, 12.1 MiB/s, 15 s left; 0 of 63 done, 3 running, slowest: 1a2b3c4d5e6f personalised-lobby 13%
      14% of 210.0 MiB, 1.3 MiB/s, 2 min 18 s left; 1 of 63 done, 2 running, slowest: 1a2b3c4d5e6f personalised-lobby 13%
      nothing moved for 30 s; waiting for 1a2b3c4d5e6f personalised-lobby (13%) and 0011aabbccdd lobby (0%)
      nothing moved for 1 min; waiting for 1a2b3c4d5e6f personalised-lobby (13%) and 0011aabbccdd lobby (0%)
      62% of 210.0 MiB, 10.0 MiB/s, 8 s left; 1 of 63 done, 2 running, slowest: 1a2b3c4d5e6f personalised-lobby 13%
      host/app/lobby:1.4.2: copied
    ");
}

#[test]
fn ci_hears_nothing_of_quick_phases_and_of_items_without_bytes_only_that_they_take_long() {
    let mut stage = Stage::in_ci(LogFormat::Text);
    stage.phase("copy 20.0 MiB", 1);
    stage.tell(Event::Total { bytes: 20 * MIB, items: Some(1) });
    stage.start("1a2b3c4d5e6f app", 20 * MIB);
    stage.wait(4900);
    stage.advance("1a2b3c4d5e6f app", 20 * MIB);
    stage.close("1a2b3c4d5e6f app");
    stage.finish("host/app:1", "copied");
    stage.phase("deploy", 5);
    for name in ["a", "b", "c", "d", "e"] {
        stage.start(name, None);
    }
    stage.wait(20_000);
    stage.finish("a", "unchanged");
    stage.wait(65_000);
    insta::assert_snapshot!(stage.seen(), @r"
    copy 20.0 MiB: 1
      host/app:1: copied
    deploy: 5
      a: unchanged
      nothing was finished for 30 s; waiting for b, c, d and 1 other
      nothing was finished for 1 min; waiting for b, c, d and 1 other
    ");
    for name in ["b", "c", "d", "e"] {
        stage.close(name);
    }
    let before = stage.seen();
    stage.wait(600_000);
    assert_eq!(stage.seen(), before, "nothing runs, nothing is waited for");
}

#[test]
fn machines_read_figures() {
    let mut stage = Stage::in_ci(LogFormat::Json);
    copying(&mut stage);
    stage.wait(35_000);
    insta::assert_snapshot!(stage.seen(), @r#"
    {"level":"info","message":"copy 210.0 MiB: 3","time":1700000000}
    {"bytes_done":113246208,"bytes_per_second":22649241,"bytes_total":220200960,"items_done":0,"items_running":3,"items_total":63,"level":"info","message":"51% of 210.0 MiB, 21.6 MiB/s, 5 s left; 0 of 63 done, 3 running, slowest: 1a2b3c4d5e6f personalised-lobby 11%","seconds_left":5,"time":1700000005}
    {"bytes_done":125829120,"bytes_per_second":0,"bytes_total":220200960,"items_done":0,"items_running":3,"items_total":63,"level":"info","message":"nothing moved for 30 s; waiting for 1a2b3c4d5e6f personalised-lobby (12%), 5f6e7d8c9b0a chat (100%) and 0011aabbccdd lobby (81%)","seconds_left":null,"time":1700000035}
    "#);
    let lines = stage.seen();
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn sections_of_ci_systems_are_opened_and_closed() {
    let shown = |sections| {
        let written = Written::default();
        let screen = Screen::of(written.clone(), || None);
        let look = Look { bars: false, colour: false, sections };
        let begun = Duration::from_secs(1_700_000_000);
        let mut scribe = Scribe::new(look, LogFormat::Text, Redactor::new(), begun, screen);
        for (at, name) in [(0, "look at all images"), (7, "copy")] {
            let phase = Event::Phase { name: name.to_owned(), items: None };
            scribe.event(Duration::from_secs(at), phase);
        }
        scribe.close(Duration::from_secs(9));
        scribe.close(Duration::from_secs(9));
        written.text().replace('\u{1b}', "ESC").replace('\r', "CR")
    };
    insta::assert_snapshot!(shown(Sections::GitLab), @r"
    ESC[0Ksection_start:1700000000:look_at_all_imagesCRESC[0Klook at all images
    ESC[0Ksection_end:1700000007:look_at_all_imagesCRESC[0KESC[0Ksection_start:1700000007:copyCRESC[0Kcopy
    ESC[0Ksection_end:1700000009:copyCRESC[0K
    ");
    insta::assert_snapshot!(shown(Sections::GitHub), @r"
    ::group::look at all images
    look at all images
    ::endgroup::
    ::group::copy
    copy
    ::endgroup::
    ");
}

#[test]
fn what_programs_print_is_folded_where_it_went_well() {
    let shown = |sections, went_well| {
        let written = Written::default();
        let look = Look { bars: false, colour: false, sections };
        let redactor = Redactor::new();
        redactor.learn(&landfall_secret::Secret::new("hush-hush-hush"));
        let screen = Screen::of(written.clone(), || None);
        let mut scribe =
            Scribe::new(look, LogFormat::Text, redactor, Duration::from_secs(1_700_000_000), screen);
        let text = "step 1\nwith hush-hush-hush\n::error::\u{1b}[31mboo\n".to_owned();
        scribe.event(Duration::ZERO, Event::Phase { name: "build".to_owned(), items: None });
        scribe.event(Duration::ZERO, Event::Output { item: "chat".to_owned(), text, went_well });
        written.text().replace('\u{1b}', "ESC").replace('\r', "CR")
    };
    insta::assert_snapshot!(shown(Sections::GitLab, true), @r"
    ESC[0Ksection_start:1700000000:buildCRESC[0Kbuild
    ESC[0Ksection_start:1700000000:output_of_chat[collapsed=true]CRESC[0Koutput of chat
      | step 1
      | with <redacted>
      | \::error::\u{1b}[31mboo
    ESC[0Ksection_end:1700000000:output_of_chatCRESC[0K
    ");
    insta::assert_snapshot!(shown(Sections::GitHub, true), @r"
    ::group::build
    build
    ::endgroup::
    ::group::output of chat
      | step 1
      | with <redacted>
      | \::error::\u{1b}[31mboo
    ::endgroup::
    ");
    insta::assert_snapshot!(shown(Sections::None, false), @r"
    build
    output of chat:
      | step 1
      | with <redacted>
      | \::error::\u{1b}[31mboo
    ");
    assert_eq!(shown(Sections::None, true), "build\n");
}

/// What was written, byte for byte.
#[derive(Clone, Debug, Default)]
struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics").clone()).expect("UTF-8")
    }
}

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
