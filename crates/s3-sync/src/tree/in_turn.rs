//! Several futures at a time, each made when its turn comes: of a hundred thousand changes only those under way take memory.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;

/// Runs what `next` gives, `at_once` at a time, and hands over the results in that order.
pub(super) async fn in_turn<F: Future>(
    at_once: usize,
    mut next: impl FnMut() -> Option<F>,
    mut done: impl FnMut(F::Output),
) {
    let mut under_way = FuturesOrdered::new();
    loop {
        while under_way.len() < at_once
            && let Some(future) = next()
        {
            under_way.push_back(future);
        }
        match under_way.next().await {
            Some(result) => done(result),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::in_turn;

    #[tokio::test]
    async fn results_come_in_order_and_no_more_are_made_than_run() {
        let (made, under_way) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (made, under_way) = (&made, &under_way);
        let mut results = Vec::new();
        in_turn(
            3,
            || {
                let number = made.fetch_add(1, Ordering::Relaxed);
                (number < 20).then_some(async move {
                    assert!(under_way.fetch_add(1, Ordering::Relaxed) < 3);
                    for _ in 0..(number * 7) % 5 {
                        tokio::task::yield_now().await;
                    }
                    under_way.fetch_sub(1, Ordering::Relaxed);
                    number
                })
            },
            |number| results.push(number),
        )
        .await;
        assert_eq!(results, (0..20).collect::<Vec<_>>());
    }
}
