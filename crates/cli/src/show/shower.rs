//! Events on their way to standard error.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use landfall_run::{Event, Progress};
use landfall_secret::Redactor;

use super::look::{LogFormat, Look};
use super::screen::Screen;
use super::scribe::Scribe;

/// Shows progress on standard error.
///
/// On a terminal ([`Look::bars`]) a line for each item that runs and one for all of them stand at the bottom. Elsewhere a line
/// tells every five seconds how far the bytes are, and every thirty seconds that nothing moves; as JSON it has fields for
/// `bytes_done`, `bytes_total`, `bytes_per_second` (of the last ten seconds), `seconds_left`, `items_running`, `items_done` and
/// `items_total`, which are null where they are not known.
///
/// A thread writes, from the first event until [`Self::close`]: whoever tells of something never waits for a slow terminal, and
/// that nothing happens is told too. After the end, events are written at once.
#[derive(Debug)]
pub struct Shower {
    begun: Instant,
    warnings_alone: bool,
    scribe: Arc<Mutex<Scribe>>,
    writing: Mutex<Writing>,
}

/// Who writes.
#[derive(Debug)]
enum Writing {
    /// Nothing has happened yet.
    NotBegun,
    /// A thread does, and ends when nobody can tell it anything more.
    Away { letters: Sender<Letter>, thread: JoinHandle<()> },
    /// Whoever tells of an event.
    Here,
}

/// An event and when it happened.
type Letter = (Duration, Event);

impl Shower {
    /// A shower of this look.
    pub fn new(look: Look, format: LogFormat, redactor: Redactor) -> Self {
        Self::on(Screen::stderr(), look, format, redactor)
    }

    pub(super) fn on(screen: Screen, look: Look, format: LogFormat, redactor: Redactor) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let scribe = Scribe::new(look, format, redactor, since_1970, screen);
        Self {
            begun: Instant::now(),
            warnings_alone: false,
            scribe: Arc::new(Mutex::new(scribe)),
            writing: Mutex::new(Writing::NotBegun),
        }
    }

    /// Shows warnings and nothing else, where that is wanted.
    pub fn with_warnings_alone(mut self, wanted: bool) -> Self {
        self.warnings_alone = wanted;
        self
    }

    /// Writes what is still to be written, takes the bars away, ends the section and the thread. Doing it again does nothing.
    pub fn close(&self) {
        let mut writing = lock(&self.writing);
        if let Writing::Away { letters, thread } = std::mem::replace(&mut *writing, Writing::Here) {
            drop(letters);
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        lock(&self.scribe).close(self.begun.elapsed());
    }

    /// [`Self::close`] as far as it can be done by a thread that panicked, maybe while it was writing or waited for.
    pub(crate) fn close_for_panic(&self) {
        if let Some(mut writing) = try_lock(&self.writing) {
            let own = std::thread::current().id();
            match std::mem::replace(&mut *writing, Writing::Here) {
                Writing::Away { letters, thread } if thread.thread().id() != own => {
                    drop(letters);
                    let _ = thread.join();
                }
                Writing::Away { .. } | Writing::NotBegun | Writing::Here => {}
            }
            if let Some(mut scribe) = try_lock(&self.scribe) {
                scribe.close(self.begun.elapsed());
            }
        }
    }

    fn begin(&self) -> Writing {
        let (letters, received) = channel();
        let (scribe, begun) = (Arc::clone(&self.scribe), self.begun);
        let thread = std::thread::Builder::new().name("progress".to_owned());
        match thread.spawn(move || write(&scribe, &received, begun)) {
            Ok(thread) => Writing::Away { letters, thread },
            // A machine that has no thread to spare has its progress written all the same.
            Err(_) => Writing::Here,
        }
    }
}

impl Progress for Shower {
    fn event(&self, event: Event) {
        if self.warnings_alone && !matches!(event, Event::Warning(_)) {
            return;
        }
        let at = self.begun.elapsed();
        let mut writing = lock(&self.writing);
        if matches!(*writing, Writing::NotBegun) {
            *writing = self.begin();
        }
        let event = match &*writing {
            Writing::Away { letters, .. } => match letters.send((at, event)) {
                Ok(()) => return,
                Err(SendError((_, event))) => event,
            },
            Writing::NotBegun | Writing::Here => event,
        };
        lock(&self.scribe).event(at, event);
    }
}

impl Drop for Shower {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes what comes, and what is due when nothing comes, until nothing can come any more.
fn write(scribe: &Mutex<Scribe>, letters: &Receiver<Letter>, begun: Instant) {
    loop {
        let due = lock(scribe).due();
        let first = match due {
            Some(due) => letters.recv_timeout(due.saturating_sub(begun.elapsed())),
            None => letters.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if first == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        let mut scribe = lock(scribe);
        for (at, event) in first.into_iter().chain(letters.try_iter()) {
            scribe.event(at, event);
        }
        scribe.tick(begun.elapsed());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex, OnceLock, Weak};

    use landfall_run::{Event, Progress as _};
    use landfall_secret::Redactor;

    use super::Shower;
    use crate::show::look::{LogFormat, Look, Sections};
    use crate::show::screen::Screen;
    use crate::show::seen::terminal::Terminal;

    const BARS: Look = Look { bars: true, colour: false, sections: Sections::None };

    fn note(text: &str) -> Event {
        Event::Note(text.to_owned())
    }

    #[test]
    fn all_is_written_in_order_when_it_is_closed_and_the_thread_is_gone() {
        let terminal = Terminal::new(80, 24);
        let shower = Shower::on(terminal.screen(), BARS, LogFormat::Text, Redactor::new());
        assert_eq!(Arc::strong_count(&shower.scribe), 1, "no thread before the first event");
        for number in 0..100 {
            shower.event(note(&number.to_string()));
        }
        shower.event(Event::Started { item: "app".to_owned(), size_bytes: Some(1) });
        assert_eq!(Arc::strong_count(&shower.scribe), 2);
        shower.close();
        assert_eq!(Arc::strong_count(&shower.scribe), 1);
        shower.event(Event::Warning("late".to_owned()));
        shower.close();
        let lines: Vec<String> = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(terminal.seen(), format!("{}warning: late\n", lines.concat()));
    }

    #[test]
    fn who_tells_does_not_wait_for_a_terminal_that_takes_nothing() {
        let door = Arc::new(Mutex::new(()));
        let closed = door.lock().expect("nobody panics");
        let terminal = Terminal::new(80, 24);
        let screen = Screen::of(Stuck { door: Arc::clone(&door), terminal: terminal.clone() }, || None);
        let shower = Shower::on(screen, BARS, LogFormat::Text, Redactor::new());
        for number in 0..3 {
            shower.event(note(&number.to_string()));
        }
        assert_eq!(terminal.seen(), "");
        drop(closed);
        shower.close();
        assert_eq!(terminal.seen(), "0\n1\n2\n");
    }

    #[test]
    fn warnings_alone_are_warnings_alone() {
        let terminal = Terminal::new(80, 24);
        let shower = Shower::on(terminal.screen(), BARS, LogFormat::Text, Redactor::new());
        let shower = shower.with_warnings_alone(true);
        shower.event(note("quiet"));
        shower.event(Event::Warning("loud".to_owned()));
        drop(shower);
        assert_eq!(terminal.seen(), "warning: loud\n");
    }

    #[test]
    fn a_panic_of_the_writing_thread_does_not_wait_for_itself() {
        let (go, going) = channel();
        let (written, texts) = channel();
        let shower = Arc::new(OnceLock::<Weak<Shower>>::new());
        let screen = Screen::of(Closing { shower: Arc::clone(&shower), going, written }, || None);
        let own = Arc::new(Shower::on(screen, BARS, LogFormat::Text, Redactor::new()));
        shower.set(Arc::downgrade(&own)).expect("set once");
        for text in ["first", "second"] {
            own.event(note(text));
            if text == "first" {
                go.send(()).expect("it is written");
            }
            assert_eq!(texts.recv(), Ok(format!("{text}\n")));
        }
    }

    /// A terminal at which the first who writes closes the shower, as one who panics there does.
    struct Closing {
        shower: Arc<OnceLock<Weak<Shower>>>,
        going: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Closing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if bytes.starts_with(b"first") {
                self.going.recv().expect("the test goes on");
                let shower = self.shower.get().and_then(Weak::upgrade).expect("it is there");
                shower.close_for_panic();
            }
            self.written.send(String::from_utf8_lossy(bytes).into_owned()).expect("the test goes on");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A terminal that takes nothing while its door is held.
    struct Stuck {
        door: Arc<Mutex<()>>,
        terminal: Terminal,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _open = self.door.lock().expect("nobody panics");
            self.terminal.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
