//! A check by a program: it passes where the program ends with 0.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use landfall_run::Run;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::seen::Seen;
use crate::child::Program;

/// The last bytes of each output that are kept: much more than is shown.
const KEPT: usize = 64 * 1024;

/// How long outputs are read when the program is over: something that left its group may hold them open for ever.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a program once, with these variables alone, in at most this time; then all that it started is
/// ended with it.
pub(super) async fn attempt(
    words: &[String],
    variables: &BTreeMap<String, String>,
    longest: Duration,
    run: &Run,
) -> Result<(), Seen> {
    let Some(program) = words.first() else {
        return Err(Seen::new("it names no program").at_once());
    };
    // The group is ended with its value, also where the check is given up.
    let started = Program { words, variables, folder: None }.start(Stdio::piped(), Stdio::piped());
    let (mut child, group) = match started {
        Ok(started) => started,
        Err(cause) => {
            let shown = landfall_secret::escape(program, 100);
            return Err(Seen::new(format!("`{shown}` cannot be started: {cause}"))
                .with_remedy("install it where this job runs, or correct the check")
                .at_once());
        }
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut kept = (Vec::new(), Vec::new());
    let ended = {
        let read = async { tokio::join!(keep(stdout, &mut kept.0), keep(stderr, &mut kept.1)) };
        let mut read = std::pin::pin!(read);
        let mut is_read = false;
        let ended = async {
            loop {
                tokio::select! {
                    status = child.wait() => break status,
                    _ = &mut read, if !is_read => is_read = true,
                }
            }
        };
        let ended = tokio::time::timeout(longest, ended).await;
        // The program's own end decides. What it left behind holds its outputs open, and is ended now.
        drop(group);
        if !is_read {
            let _ = tokio::time::timeout(GRACE, read).await;
        }
        ended
    };
    let text = format!("{}\n{}", String::from_utf8_lossy(&kept.0), String::from_utf8_lossy(&kept.1));
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(Seen::new(format!("it ended with {status}")).with_text(&text, run)),
        Ok(Err(cause)) => Err(Seen::new(format!("its end cannot be seen: {cause}")).with_text(&text, run)),
        Err(_) => {
            let what = format!("it did not end in {:.1} s and was ended", longest.as_secs_f64());
            Err(Seen::new(what).with_text(&text, run))
        }
    }
}

/// Reads to the end and keeps the last of it.
async fn keep(source: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut source) = source else { return };
    let mut chunk = vec![0; 8 * 1024];
    while let Ok(count) = source.read(&mut chunk).await {
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
        kept.extend_from_slice(bytes);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
}
