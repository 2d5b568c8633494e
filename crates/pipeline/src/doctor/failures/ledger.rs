//! What the ledger and the gates say.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "environment-held",
        title: "another run holds the environment",
        codes: &["LF-LEDGER-HELD", "LF-LEDGER-LOCK-LOST"],
        words: &[],
        why: "Two runs must not change one environment at the same time. The one that came first has noted its lock in the ledger; a lock \
              whose run is gone ends by itself half an hour after it was last renewed.",
        remedy: &[
            "Wait for the run that the message names, then run again.",
            "`landfall ledger locks` shows who holds what since when. Where that run is surely gone, take the lock from it by \
             `landfall ledger unlock`.",
        ],
    },
    Failure {
        id: "release-dead",
        title: "the release is dead",
        codes: &["LF-GATE-DEAD"],
        words: &[],
        why: "A gate rejected the release, or its smoke test failed. A dead release is never repaired: the next version takes its place.",
        remedy: &[
            "Look at `landfall ledger graveyard` for where, when and why it died.",
            "Mend the cause, and release the next version.",
        ],
    },
    Failure {
        id: "environment-frozen",
        title: "the environment is frozen",
        codes: &["LF-GATE-FROZEN"],
        words: &[],
        why: "`landfall.toml` or an event of the ledger says that nothing is to change there for a time.",
        remedy: &[
            "Wait for the end of the freeze, which the message names.",
            "In an emergency those who may break the glass do so by `gate`, with a reason that stays on record.",
        ],
    },
    Failure {
        id: "approval-missing",
        title: "the release may not come to the environment yet",
        codes: &[
            "LF-GATE-APPROVAL",
            "LF-GATE-BEFORE",
            "LF-GATE-SOAK",
            "LF-GATE-VERIFIED",
            "LF-GATE-NO-AUTHOR",
            "LF-GATE-EXPIRES",
            "LF-GATE-PER-ENVIRONMENT",
        ],
        words: &[],
        why: "The environment asks for approvals, for the environment before it, or for a time of rest there, and the ledger does not have \
              that of this release with these very digests. An approval of other content is none.",
        remedy: &[
            "Have those approve who may: `landfall stage gate approve --release <id> --environment <name>`.",
            "Deploy to the environment before first, where that is missing, and wait for the time that the message names.",
            "Where the ledger is a folder of the job, name a bucket under `[ledger]`: another job's approvals are not seen else.",
        ],
    },
    Failure {
        id: "ledger-damaged",
        title: "the ledger was changed, or lost records",
        codes: &["LF-LEDGER-DAMAGED", "LF-LEDGER-CUT-SHORT", "LF-LEDGER-CHECKPOINT", "LF-LEDGER-CONFLICT"],
        words: &[],
        why: "The records are a chain: each names the hash of the one before. One is missing, changed or in another place.",
        remedy: &[
            "Do not run the job again, and delete no record.",
            "Find out who changed it: `landfall ledger verify` says at which record the chain breaks.",
            "Restore it from where it is kept, such as the versions of the bucket.",
        ],
    },
    Failure {
        id: "ledger-not-writable",
        title: "nothing can be recorded in the ledger",
        codes: &[
            "LF-LEDGER-WRITE",
            "LF-LEDGER-PLACE",
            "LF-LEDGER-STORE",
            "LF-LEDGER-UNCONFIRMED",
            "LF-LEDGER-CROWDED",
        ],
        words: &[],
        why: "Every change is noted before it is made, so that nothing is changed where nothing can be noted.",
        remedy: &[
            "Look at the place that the message names: whether the folder can be written, or whether the role has `s3:PutObject` below the \
             prefix of the bucket.",
            "`docs/access.md` has what a role needs for a ledger in a bucket.",
        ],
    },
    Failure {
        id: "ledger-full",
        title: "the ledger is full",
        codes: &["LF-LEDGER-FULL"],
        words: &[],
        why: "A folder takes a million records and a bucket ten million, so that a ledger can be read and proved in one go. Runs warn when nine \
              tenths of them are there.",
        remedy: &[
            "Begin another ledger: name a new folder or prefix by `--ledger`, and keep the old one.",
            "`docs/ledger.md` says what the new one does not know, and how it learns it.",
        ],
    },
];
