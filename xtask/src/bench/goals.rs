//! What a copy must reach, and whether it does.

use super::pipes::PIPES;
use super::scenarios::Findings;
use super::table::{OURS, Row, SKOPEO, find, floor};

/// Peak memory, whatever the size of layers.
const MEMORY_MIB: f64 = 32.0;

/// One goal. Lower is better for all of them.
#[derive(Debug)]
pub(crate) struct Goal {
    /// What is to be reached.
    pub(crate) text: &'static str,
    /// What was found; nothing where that was not measured.
    pub(crate) found: Option<f64>,
    /// The most that it may be.
    pub(crate) limit: f64,
}

impl Goal {
    /// Whether it was reached; nothing where it was not measured.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.found.map(|found| found <= self.limit)
    }
}

/// All goals with what was found.
pub(crate) fn judge(findings: &Findings) -> Vec<Goal> {
    let (latency, loopback) = (findings.latency.as_deref(), findings.loopback.as_deref());
    let line = findings.line.as_deref();
    let goal = |text, found, limit| Goal { text, found, limit };
    vec![
        goal("latency: time, of skopeo's one by one", latency.and_then(of_skopeo), 0.1),
        goal("latency: time, of curl's pipes", latency.and_then(of_pipes), 1.15),
        goal("latency: time, of the floor", latency.and_then(of_floor), 1.15),
        goal("latency, 1 Gbit/s: time, of skopeo's one by one", line.and_then(of_skopeo), 0.1),
        goal("latency, 1 Gbit/s: time, of curl's pipes", line.and_then(of_pipes), 1.15),
        goal("latency, 1 Gbit/s: time, of the floor", line.and_then(of_floor), 1.15),
        goal("loopback: time, of skopeo's one by one", loopback.and_then(of_skopeo), 0.5),
        goal("peak memory of all copies, those of large layers too, MiB", peak_mib(findings), MEMORY_MIB),
        goal("copied already, latency: time, s", findings.again.as_deref().and_then(seconds), 0.25),
    ]
}

fn seconds(rows: &[Row]) -> Option<f64> {
    find(rows, OURS).map(Row::seconds)
}

fn of_skopeo(rows: &[Row]) -> Option<f64> {
    Some(seconds(rows)? / find(rows, SKOPEO)?.seconds())
}

fn of_pipes(rows: &[Row]) -> Option<f64> {
    Some(seconds(rows)? / find(rows, PIPES)?.seconds())
}

fn of_floor(rows: &[Row]) -> Option<f64> {
    Some(seconds(rows)? / floor(rows)?.seconds())
}

/// Of all scenarios, for buffers grow with what is on its way at once; without large layers it would say little.
fn peak_mib(findings: &Findings) -> Option<f64> {
    let large = findings.memory.as_ref()?;
    let others = [&findings.latency, &findings.line, &findings.loopback, &findings.again];
    let all = others.into_iter().flatten().chain([large]);
    let peak = all.filter_map(|rows| find(rows, OURS)?.peak()).max()?;
    Some(peak as f64 / f64::from(1 << 20))
}
