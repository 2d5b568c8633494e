//! What cannot be answered, and what a person sees of it.

use landfall_artifacts::{EventKind, LedgerEvent};

use crate::made::Made;

#[test]
fn what_is_not_known_is_said_with_what_was_perhaps_meant() {
    let made = Made::story();
    let cases: [(&str, &[&str]); 17] = [
        (
            "show environment stg_eu01",
            &["the ledger knows no environment stg_eu01", "did you mean stg_eu00?"],
        ),
        ("show function order", &["the ledger knows no function order", "did you mean orders?"]),
        (
            "show release r\u{1b}[31m",
            &["the ledger knows no release r\\u{1b}[31m", "`landfall ledger show` lists"],
        ),
        ("show releases r1", &["`releases` is neither release, environment nor function"]),
        ("show release", &["which release is to be shown is missing"]),
        ("trace orders --environment dr_us00", &["the ledger knows no environment dr_us00"]),
        (
            "trace orders --environment stg_eu00 --of 9.9.9",
            &["the ledger knows no deployment at version 9.9.9 to stg_eu00 of orders"],
        ),
        (
            "history --environment prod_eu01",
            &["the ledger knows no environment prod_eu01", "did you mean prod_eu00?"],
        ),
        ("history --release r99", &["the ledger knows no release r99"]),
        ("history --function orderz", &["the ledger knows no function orderz", "did you mean orders?"]),
        ("trace", &["function is missing", "give it by <FUNCTION>"]),
        ("dora --environment prod_eu01", &["no deployment to prod_eu01", "did you mean prod_eu00?"]),
        (
            "history --kind deploymint --from x",
            &["`deploymint` is no kind of event", "--from `x` cannot be used"],
        ),
        (
            "history --from 2026-02-01 --to 2026-01-01",
            &["nothing lies between 2026-02-01T00:00:00Z and 2026-01-01"],
        ),
        ("verify --head 12", &["--head `12` is no head"]),
        ("audit --csv --output json", &["the answer is wanted as CSV and as JSON"]),
        (
            "record test",
            &["how the suite ended is not said", "suite is missing", "release is missing", "--reason"],
        ),
    ];
    for (words, said) in cases {
        let ended = made.run(words);
        assert_eq!(ended.code, 2, "{words}: {}", ended.stderr);
        // Who asks for JSON gets the report of what stood in the way.
        assert!(ended.stdout.is_empty() || words.contains("json"), "{words}: {}", ended.stdout);
        for text in said {
            assert!(ended.stderr.contains(text), "{words} does not say `{text}`: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains('\u{1b}'), "{words}");
    }
}

#[test]
fn a_place_where_nothing_is_recorded_is_no_empty_product() {
    let made = Made::empty();
    for words in ["show", "history", "graveyard", "dora", "audit", "locks", "verify", "trace orders"] {
        let ended = made.run(words);
        assert_eq!(ended.code, 2, "{words}");
        assert!(ended.stderr.contains("error[LF-LEDGER-EMPTY]"), "{words}: {}", ended.stderr);
    }
}

#[test]
fn a_chain_is_proved_and_a_changed_one_is_never_shown() {
    let made = Made::story();
    let ended = made.run("verify");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let head = ended.stdout.lines().find(|line| line.starts_with("12:sha256:")).expect("a head").to_owned();
    assert!(ended.stdout.contains("only a head that was kept elsewhere tells: --head"), "{}", ended.stdout);
    let compared = made.run(&format!("verify --head {head}"));
    assert!(compared.stdout.contains("the record that was kept elsewhere is in it"), "{}", compared.stdout);

    // The newest is removed: only the head that was kept elsewhere tells.
    let newest = made.ledger().join(LedgerEvent::file_name(12));
    std::fs::remove_file(newest).expect("removed");
    assert_eq!(made.run("verify").code, 0);
    let ended = made.run(&format!("verify --head {head}"));
    assert_eq!(ended.code, 7);
    assert!(ended.stderr.contains("damaged at record 12: it is missing"), "{}", ended.stderr);

    let third = made.ledger().join(LedgerEvent::file_name(3));
    let text = std::fs::read_to_string(&third).expect("a record").replace("\"ada\"", "\"eve\"");
    std::fs::write(&third, text).expect("written");
    for words in ["verify", "show", "history", "audit --csv", "dora --output json"] {
        let ended = made.run(words);
        assert_eq!(ended.code, 7, "{words}: {}", ended.stdout);
        assert!(ended.stderr.contains("error[LF-LEDGER-DAMAGED] exit 7"), "{words}: {}", ended.stderr);
        assert!(ended.stderr.contains("damaged at record 3"), "{words}: {}", ended.stderr);
    }
}

#[test]
fn the_help_shows_every_flag_with_its_variable_and_key() {
    let help = Made::empty().run("graveyard --help");
    assert_eq!(help.code, 0);
    insta::assert_snapshot!(help.stdout, @r#"
    Releases that died: where, of what, when, by whom, and how old they became

    Usage: landfall ledger graveyard [OPTIONS]

    Options:
          --from <TIME>             from this day or time on, such as 2026-01-01 or
                                    2026-01-01T12:00:00Z, in UTC
          --to <TIME>               up to this day or time, which is not among it
          --config <FILE>           the settings of the repo; read where it exists [env:
                                    LANDFALL_CONFIG; default: landfall.toml]
          --ledger <PLACE>          where intents, outcomes and deployments are recorded: a folder, or
                                    s3://bucket/prefix [env: LANDFALL_LEDGER; landfall.toml:
                                    ledger.store; default: .landfall/ledger]
          --ledger-region <REGION>  the AWS region of the ledger's bucket; else that of the environment
                                    [env: LANDFALL_LEDGER_REGION; landfall.toml: ledger.region]
          --ledger-account <ID>     the AWS account that the ledger's bucket must belong to [env:
                                    LANDFALL_LEDGER_ACCOUNT; landfall.toml: ledger.account]
          --output <human|json>     what standard output shows: tables, or the answer as JSON [default:
                                    human]
          --report <FILE>           write what was done, item by item, as JSON
          --log-format <text|json>  how log lines on standard error are written [env:
                                    LANDFALL_LOG_FORMAT; default: text]
          --ca-file <FILE>          a PEM file of certificates to trust besides the system's [env:
                                    SSL_CERT_FILE]
          --plain-http <HOSTS>      hosts that may be spoken to without TLS, comma-separated; loopback
                                    always may [env: LANDFALL_PLAIN_HTTP]
      -h, --help                    Print help
      -V, --version                 Print version

    Exit codes:
        0  done, or nothing to do
        1  a defect of Landfall, a panic too
        2  bad usage or input, nothing changed
        3  a check or gate said no, nothing changed
        4  another run holds the environment
        5  a passing fault, nothing lost
        6  partly done
        7  integrity failure
        8  outcome unknown
      130  interrupted by SIGINT after a clean stop
      143  interrupted by SIGTERM after a clean stop
    "#);
}

#[test]
fn checkpoints_show_what_the_chain_by_itself_does_not() {
    let made = Made::story();
    let vault = made.ledger().with_file_name("vault");
    let vault = vault.to_string_lossy();
    let refused = made.run(&format!("verify --checkpoints {vault}"));
    assert_eq!(refused.code, 2, "a place that keeps nothing shows nothing");
    assert!(refused.stderr.contains("error[LF-LEDGER-NO-CHECKPOINT]"), "{}", refused.stderr);

    let kept = made.run(&format!("checkpoint --to {vault}"));
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert!(kept.stdout.contains("record 12 is kept in"), "{}", kept.stdout);
    let again = made.run(&format!("checkpoint --to {vault}"));
    assert!(again.stdout.contains("keeps all of it already, up to record 12"), "{}", again.stdout);
    let whole = made.run(&format!("verify --checkpoints {vault}"));
    assert!(whole.stdout.contains("it fits the checkpoint that was kept"), "{}", whole.stdout);
    let json = made.run(&format!("verify --checkpoints {vault} --output json"));
    assert!(json.stdout.contains("\"checkpoints\": 1"), "{}", json.stdout);

    let inside = made.ledger().join("below");
    let refused = made.run(&format!("checkpoint --to {}", inside.to_string_lossy()));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("error[LF-LEDGER-SAME-PLACE]"), "{}", refused.stderr);

    for sequence in 11..=13 {
        std::fs::remove_file(made.ledger().join(LedgerEvent::file_name(sequence))).expect("removed");
    }
    assert_eq!(made.run("verify").code, 0, "by itself it is whole");
    let refused = made.run(&format!("verify --checkpoints {vault}"));
    assert_eq!(refused.code, 7, "{}", refused.stdout);
    let told = &refused.stderr;
    assert!(told.contains("damaged at record 11: it is missing, as is all up to 12"), "{told}");
    assert!(told.contains("checkpoint-00000000000000000012.json"), "{told}");
}

#[test]
fn an_environment_is_unlocked_by_who_says_why() {
    let mut made = Made::empty();
    made.add("2026-02-04T08:00:00Z", EventKind::Lock, ("stg_eu00", ""), |event| {
        event.stage = Some("deploy-lambda".to_owned());
        event.run = Some("https://ci.example.com/jobs/7".to_owned());
    });
    for (words, code) in [
        ("unlock stg_eu00 --yes", "LF-CONFIG-MISSING"),
        ("unlock --reason gone --yes", "LF-CONFIG-MISSING"),
        ("unlock prod_eu00 --reason gone --yes", "LF-LEDGER-NOT-HELD"),
        ("unlock stg_eu00 --reason gone", "LF-LEDGER-UNLOCK"),
    ] {
        let ended = made.run(words);
        assert_eq!(ended.code, 2, "{words}: {}", ended.stdout);
        assert!(ended.stderr.contains(code), "{words}: {}", ended.stderr);
    }
    let asked = made.run("unlock stg_eu00 --reason gone").stderr;
    assert!(
        asked.contains("stg_eu00 is held by deploy-lambda of ada, https://ci.example.com/jobs/7"),
        "{asked}"
    );
    let planned = made.run("unlock stg_eu00 --reason gone --dry-run");
    assert!(planned.stdout.contains("stg_eu00 would be unlocked"), "{}", planned.stdout);
    assert_eq!(made.run("locks --output json").stdout.matches("\"fence\"").count(), 1);

    let ended = made.run("unlock stg_eu00 --reason gone --yes");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("stg_eu00 is unlocked: record 2"), "{}", ended.stdout);
    let record = std::fs::read_to_string(made.ledger().join(LedgerEvent::file_name(2))).expect("a record");
    assert!(record.contains("\"unlock\"") && record.contains("\"gone\""), "{record}");
    assert_eq!(made.run("locks --output json").stdout.matches("\"fence\"").count(), 0);
    assert!(made.run("unlock stg_eu00 --reason gone --yes").stderr.contains("LF-LEDGER-NOT-HELD"));
}
