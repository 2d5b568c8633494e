//! Work on many things at once that has nothing to wait for.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `each` makes of every one of `all` and its number, in their order, on as many threads as there are processors: each takes the next one
/// as soon as it is free. Blocks; a panic of one is a panic of the whole.
pub fn in_parallel<T: Sync, R: Send>(all: &[T], each: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(all.len());
    if threads < 2 {
        return all.iter().enumerate().map(|(number, one)| each(number, one)).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut made = Vec::with_capacity(all.len() / threads);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(number) else { return made };
            made.push((number, each(number, one)));
        }
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut made = take();
        for other in others {
            made.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn everything_is_done_once_and_in_its_order() {
        for count in [0, 1, 2, 63, 1001] {
            let all: Vec<usize> = (0..count).map(|number| number * 3).collect();
            let made = in_parallel(&all, |number, one| (number, *one));
            assert_eq!(made, (0..count).map(|number| (number, number * 3)).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "number 700")]
    fn a_panic_is_not_lost() {
        in_parallel(&[(); 1000], |number, ()| assert_ne!(number, 700, "number 700"));
    }
}
