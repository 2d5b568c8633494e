//! What a person sees on a terminal.

use landfall_run::Event;

use super::{MIB, Stage, copying};

#[test]
fn a_terminal_shows_each_blob_and_all_of_them() {
    let mut stage = Stage::on_terminal(100, 24);
    copying(&mut stage);
    stage.wait(400);
    insta::assert_snapshot!(stage.seen(), @r"
    copy 210.0 MiB: 3
      1a2b3c4d5e6f personalised-lobby            [==>                 ]   12%    80.0 MiB     1.9 MiB/s
      5f6e7d8c9b0a chat                          [====================]  100%    20.0 MiB     3.7 MiB/s
      0011aabbccdd lobby                         [================>   ]   81%   110.0 MiB    16.7 MiB/s
      [===========>        ]  57% of 210.0 MiB, 22.2 MiB/s, 5 s left; 0 of 63 done
    ");
    stage.close("5f6e7d8c9b0a chat");
    stage.finish("host/app/chat:1.4.2", "copied");
    stage.tell(Event::Warning("host/app/lobby:1.4.2 has no label".to_owned()));
    stage.wait(200);
    insta::assert_snapshot!(stage.seen(), @r"
    copy 210.0 MiB: 3
      host/app/chat:1.4.2: copied
    warning: host/app/lobby:1.4.2 has no label
      1a2b3c4d5e6f personalised-lobby            [==>                 ]   12%    80.0 MiB     1.8 MiB/s
      0011aabbccdd lobby                         [================>   ]   81%   110.0 MiB    16.1 MiB/s
      [===========>        ]  57% of 210.0 MiB, 21.4 MiB/s, 5 s left; 1 of 63 done
    ");
    stage.close("1a2b3c4d5e6f personalised-lobby");
    stage.close("0011aabbccdd lobby");
    stage.phase("confirm", 3);
    assert_eq!(stage.terminal.wraps(), 0);
    insta::assert_snapshot!(stage.seen(), @r"
    copy 210.0 MiB: 3
      host/app/chat:1.4.2: copied
    warning: host/app/lobby:1.4.2 has no label
    confirm: 3
    ");
}

#[test]
fn narrow_terminals_show_less_and_never_wrap() {
    let mut shown = String::new();
    for columns in [80, 66, 52, 36, 20] {
        let mut stage = Stage::on_terminal(columns, 24);
        copying(&mut stage);
        stage.wait(400);
        stage.tell(Event::Closed { item: "5f6e7d8c9b0a chat".to_owned() });
        stage.wait(400);
        let bars =
            stage.seen().lines().filter(|line| !line.starts_with("copy")).collect::<Vec<_>>().join("\n");
        shown.push_str(&format!("{columns}\n{bars}\n"));
        assert_eq!(stage.terminal.wraps(), 0, "{columns}");
        stage.scribe.close(stage.now);
        assert_eq!(stage.seen(), "copy 210.0 MiB: 3\n", "{columns}");
    }
    insta::assert_snapshot!(shown, @r"
    80
      1a2b3c4d5e6f personalised-lobby  [=>        ]   12%    80.0 MiB     1.7 MiB/s
      0011aabbccdd lobby               [========> ]   81%   110.0 MiB    15.5 MiB/s
      [=========>      ]  57% of 210.0 MiB, 20.7 MiB/s, 5 s left; 1 of 63 done
    66
      1a2b3c4d5e6f personalised-lobby  [=>        ]   12%    80.0 MiB
      0011aabbccdd lobby               [========> ]   81%   110.0 MiB
      [=====>    ]  57% of 210.0 MiB, 20.7 MiB/s, 5 s left
    52
      1a2b3c4d5e6f personalised-lobby  [=>      ]   12%
      0011aabbccdd lobby               [======> ]   81%
      [=====>    ]  57% of 210.0 MiB, 5 s left
    36
      1a2b3c4d5e6f…onalised-lobby   12%
      0011aabbccdd lobby            81%
      57% of 210.0 MiB, 5 s left
    20
      1a2b3…lobby   12%
      0011a…lobby   81%
      57% of 210.0 MiB
    ");
}

#[test]
fn many_items_are_counted_and_the_oldest_shown() {
    for (rows, named) in [(24, 12), (9, 5), (3, 0)] {
        let mut stage = Stage::on_terminal(80, rows);
        stage.phase("copy", 1);
        stage.tell(Event::Total { bytes: 400 * MIB, items: Some(40) });
        for number in 10..50 {
            stage.start(&format!("{number}aabbccddee app"), 10 * MIB);
        }
        stage.wait(1000);
        let seen = stage.seen();
        assert_eq!(seen.lines().filter(|line| line.contains("aabb")).count(), named, "{seen}");
        assert!(seen.contains(&format!("  and {} more\n", 40 - named)), "{seen}");
        for number in 10..50 {
            stage.close(&format!("{number}aabbccddee app"));
            stage.wait(100);
        }
        stage.scribe.close(stage.now);
        assert_eq!(stage.seen(), "copy: 1\n", "no bar is left");
    }
}

#[test]
fn without_a_total_items_have_their_lines_and_nothing_is_summed_up() {
    let mut stage = Stage::on_terminal(80, 24);
    stage.phase("deploy", 20);
    stage.start("orderService", None);
    stage.start("paymentService", None);
    stage.wait(12_000);
    insta::assert_snapshot!(stage.seen(), @r"
    deploy: 20
      orderService                     12 s
      paymentService                   12 s
    ");
    stage.finish("orderService", "published 42");
    stage.finish("paymentService", "unchanged");
    stage.wait(200);
    insta::assert_snapshot!(stage.seen(), @r"
    deploy: 20
      orderService: published 42
      paymentService: unchanged
    ");
}

#[test]
fn quick_phases_flash_no_bars() {
    let mut stage = Stage::on_terminal(80, 24);
    stage.phase("copy 20 B", 1);
    stage.tell(Event::Total { bytes: 20, items: Some(1) });
    stage.start("1a2b3c4d5e6f app", 20);
    stage.advance("1a2b3c4d5e6f app", 20);
    stage.wait(300);
    stage.close("1a2b3c4d5e6f app");
    stage.finish("host/app:1", "copied");
    stage.wait(10_000);
    assert_eq!(stage.terminal.writes(), 2, "{}", stage.seen());
    assert_eq!(stage.seen(), "copy 20 B: 1\n  host/app:1: copied\n");
}

#[test]
fn a_still_picture_is_not_drawn_again_and_a_new_width_is_heeded() {
    let mut stage = Stage::on_terminal(80, 24);
    copying(&mut stage);
    stage.wait(30_000);
    insta::assert_snapshot!(stage.seen(), @r"
    copy 210.0 MiB: 3
      1a2b3c4d5e6f personalised-lobby  [=>        ]   12%    80.0 MiB         0 B/s
      5f6e7d8c9b0a chat                [==========]  100%    20.0 MiB         0 B/s
      0011aabbccdd lobby               [========> ]   81%   110.0 MiB         0 B/s
      [=========>      ]  57% of 210.0 MiB, nothing moved for 30 s; 0 of 63 done
    ");
    let before = stage.terminal.writes();
    stage.wait(1000);
    assert_eq!(stage.terminal.writes(), before + 1, "only the seconds change");
    stage.terminal.resize(120, 24);
    stage.wait(200);
    assert!(stage.seen().ends_with("nothing moved for 31 s; 0 of 63 done\n"), "{}", stage.seen());
}
