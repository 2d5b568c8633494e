//! Several futures side by side.

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};

/// Runs them, `limit` at a time and at least one; the results are in the order of the futures.
pub(super) async fn at_once<T>(limit: usize, work: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(work).buffered(limit.max(1)).collect().await
}
