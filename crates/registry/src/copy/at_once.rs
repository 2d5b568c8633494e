//! Several futures side by side.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

/// Runs them, `limit` at a time and at least one; the results are in the order of the futures. One that takes long holds up no
/// other.
pub(super) async fn at_once<'a, T: Send + 'a>(limit: usize, work: Vec<BoxFuture<'a, T>>) -> Vec<T> {
    let mut numbered: Vec<BoxFuture<'a, (usize, T)>> = Vec::with_capacity(work.len());
    for (at, one) in work.into_iter().enumerate() {
        numbered.push(one.map(move |result| (at, result)).boxed());
    }
    let mut results: Vec<(usize, T)> = stream::iter(numbered).buffer_unordered(limit.max(1)).collect().await;
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::at_once;

    #[tokio::test]
    async fn the_first_holds_up_no_other_and_the_order_is_kept() {
        let (done, waiting) = oneshot::channel();
        let first = async move { waiting.await.unwrap_or("nobody") }.boxed();
        let second = async { "second" }.boxed();
        let third = async { "third" }.boxed();
        let last = async move {
            done.send("first").ok();
            "last"
        };
        let results = at_once(2, vec![first, second, third, last.boxed()]).await;
        assert_eq!(results, ["first", "second", "third", "last"]);
    }
}
