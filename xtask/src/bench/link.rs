//! A link with latency in front of a registry, in a process of its own.
//!
//! Every byte is given out half a round trip after it was taken in, in order; a new connection first waits the round trips that TCP and
//! TLS cost. Each connection has a thread that waits in `poll` until something is to be read or due: tokio's timers end at whole
//! milliseconds, which would be a tenth of ten.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::options::Options;
use super::process::Process;

/// Bytes that each direction of a connection may have on their way: at 20 ms more than a gigabyte a second, so never the limit.
const WINDOW: usize = 16 * 1024 * 1024;
/// Bytes that are read at once.
const BLOCK: usize = 128 * 1024;
const STACK: usize = 128 * 1024;

/// A link that runs, and ends with this value.
pub(crate) struct Link {
    _process: Process,
    pub(crate) address: SocketAddr,
}

impl Link {
    /// Starts a link to `target`.
    pub(crate) async fn start(target: SocketAddr, options: &Options) -> Result<Self> {
        let rtt = options.rtt.as_micros().to_string();
        let (handshake, mbit) = (options.handshake_rtts.to_string(), options.mbit.to_string());
        let args = ["link", &target.to_string(), &rtt, &handshake, &mbit];
        let mut process = Process::child(&args)?;
        let address = process.line().await?.trim().parse().context("the link does not say where it is")?;
        Ok(Self { _process: process, address })
    }
}

/// What a link does to bytes.
#[derive(Debug)]
struct Delays {
    half: Duration,
    handshake: Duration,
    /// Bytes a second in each direction, all connections together; 0 is without limit.
    rate: f64,
    /// When each direction will have carried all that it took in.
    free: [Mutex<Instant>; 2],
}

impl Delays {
    fn new(rtt: Duration, handshake_rtts: f64, mbit: f64) -> Self {
        let now = || Mutex::new(Instant::now());
        Self {
            half: rtt / 2,
            handshake: rtt.mul_f64(handshake_rtts),
            rate: mbit * 125_000.0,
            free: [now(), now()],
        }
    }

    /// When `size` bytes that are taken in now come out.
    fn due(&self, direction: usize, size: usize, now: Instant) -> Instant {
        if self.rate <= 0.0 {
            return now + self.half;
        }
        let mut free = self.free[direction].lock().unwrap_or_else(PoisonError::into_inner);
        *free = now.max(*free) + Duration::from_secs_f64(size as f64 / self.rate);
        *free + self.half
    }
}

/// Carries connections until the process is ended. Prints its address first.
pub(crate) fn serve(args: &[&str]) -> Result<()> {
    let [target, rtt, handshake_rtts, mbit] = args else { bail!("TARGET RTT_US HANDSHAKE_RTTS MBIT") };
    let target: SocketAddr = target.parse()?;
    let delays = Delays::new(Duration::from_micros(rtt.parse()?), handshake_rtts.parse()?, mbit.parse()?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    accept(&listener, target, Arc::new(delays))
}

fn accept(listener: &TcpListener, target: SocketAddr, delays: Arc<Delays>) -> Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        let delays = Arc::clone(&delays);
        std::thread::Builder::new().stack_size(STACK).spawn(move || {
            // A connection that breaks closes both its ends, which the peers see.
            let _ = carry(&client, target, &delays);
        })?;
    }
}

fn carry(client: &TcpStream, target: SocketAddr, delays: &Delays) -> std::io::Result<()> {
    std::thread::sleep(delays.handshake);
    let server = TcpStream::connect(target)
        .inspect_err(|error| eprintln!("the link cannot reach the registry: {error}"))?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
    }
    let (mut up, mut down) = (Way::new(0), Way::new(1));
    while !(up.is_over && down.is_over) {
        up.step(client, &server, delays)?;
        down.step(&server, client, delays)?;
        wait([client, &server], [&up, &down])?;
    }
    Ok(())
}

/// Waits until one of the ends has something to do, or bytes are due.
fn wait(ends: [&TcpStream; 2], [up, down]: [&Way; 2]) -> std::io::Result<()> {
    let mut wanted = Vec::with_capacity(2);
    for (end, reads, writes) in [(ends[0], up, down), (ends[1], down, up)] {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, reads.wants_bytes());
        flags.set(PollFlags::OUT, writes.is_stuck);
        // An end of which nothing is wanted would report that it was hung up again and again.
        if !flags.is_empty() {
            wanted.push(PollFd::new(end, flags));
        }
    }
    let next = [up, down].into_iter().filter_map(Way::next).min();
    if wanted.is_empty() && next.is_none() {
        return Ok(());
    }
    let left = next.map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    match poll(&mut wanted, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// One direction of a connection.
struct Way {
    direction: usize,
    /// What was taken in and not given out yet.
    blocks: VecDeque<Vec<u8>>,
    /// How much of the first block was given out.
    given: usize,
    /// Blocks that are empty again.
    spare: Vec<Vec<u8>>,
    /// When how many bytes are due, after those before them.
    marks: VecDeque<(Instant, usize)>,
    /// Bytes that are due.
    due: usize,
    /// Bytes in blocks.
    held: usize,
    /// When the other end is told that no more comes.
    end: Option<Instant>,
    /// Whether the other end took less than was due.
    is_stuck: bool,
    is_over: bool,
}

impl Way {
    fn new(direction: usize) -> Self {
        Self {
            direction,
            blocks: VecDeque::new(),
            given: 0,
            spare: Vec::new(),
            marks: VecDeque::new(),
            due: 0,
            held: 0,
            end: None,
            is_stuck: false,
            is_over: false,
        }
    }

    fn wants_bytes(&self) -> bool {
        self.end.is_none() && self.held < WINDOW
    }

    /// When something is to be done that no socket reports.
    fn next(&self) -> Option<Instant> {
        if self.is_over || self.is_stuck {
            return None;
        }
        self.marks.front().map(|(at, _)| *at).or(self.end)
    }

    fn step(&mut self, from: &TcpStream, to: &TcpStream, delays: &Delays) -> std::io::Result<()> {
        if self.is_over {
            return Ok(());
        }
        while self.wants_bytes() && self.take_in(from, delays)? {}
        let now = Instant::now();
        while let Some((_, size)) = self.marks.pop_front_if(|(at, _)| *at <= now) {
            self.due += size;
        }
        self.is_stuck = !self.give_out(to)?;
        if self.held == 0 && self.end.is_some_and(|at| at <= now) {
            self.is_over = true;
            // Where the peer has hung up there is nobody to tell.
            let _ = to.shutdown(Shutdown::Write);
        }
        Ok(())
    }

    /// Reads once; whether there may be more.
    fn take_in(&mut self, mut from: &TcpStream, delays: &Delays) -> std::io::Result<bool> {
        let mut block = self.spare.pop().unwrap_or_default();
        block.resize(BLOCK, 0);
        let read = from.read(&mut block);
        let now = Instant::now();
        match read {
            Ok(0) => {
                self.end = Some(delays.due(self.direction, 0, now));
                Ok(false)
            }
            Ok(size) => {
                let may_be_more = size == BLOCK;
                self.marks.push_back((delays.due(self.direction, size, now), size));
                self.held += size;
                self.keep(block, size);
                Ok(may_be_more)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                self.spare.push(block);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps what was read: with the last block where that has room, so that small reads take no block each.
    fn keep(&mut self, mut block: Vec<u8>, size: usize) {
        block.truncate(size);
        match self.blocks.back_mut() {
            Some(last) if last.len() + size <= BLOCK && size < BLOCK / 4 => {
                last.extend_from_slice(&block);
                self.spare.push(block);
            }
            _ => self.blocks.push_back(block),
        }
    }

    /// Writes what is due; whether all of it went.
    fn give_out(&mut self, mut to: &TcpStream) -> std::io::Result<bool> {
        while self.due > 0 {
            let Some(first) = self.blocks.front() else { break };
            let rest = &first[self.given..];
            match to.write(&rest[..rest.len().min(self.due)]) {
                Ok(size) => {
                    self.given += size;
                    self.due -= size;
                    self.held -= size;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.given == first.len() {
                self.given = 0;
                self.spare.extend(self.blocks.pop_front());
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Delays, WINDOW, accept};

    const RTT: Duration = Duration::from_millis(8);

    /// A link to a server that sends back what it gets; both end with the test's process.
    fn link_to_echo(mbit: f64) -> SocketAddr {
        let echo = TcpListener::bind("127.0.0.1:0").expect("a port");
        let target = echo.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in echo.incoming().map_while(Result::ok) {
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || accept(&listener, target, Arc::new(Delays::new(RTT, 2.0, mbit))));
        address
    }

    #[test]
    fn a_round_trip_takes_no_less_than_it_says_and_a_new_connection_two_more() {
        let began = Instant::now();
        let mut stream = TcpStream::connect(link_to_echo(0.0)).expect("connected");
        let mut answer = [0; 4];
        for trips in 3..6 {
            stream.write_all(b"ping").expect("sent");
            stream.read_exact(&mut answer).expect("received");
            assert_eq!(&answer, b"ping");
            assert!(began.elapsed() >= RTT * trips, "{trips} round trips in {:?}", began.elapsed());
        }
    }

    #[test]
    fn bytes_arrive_in_order_and_so_does_their_end() {
        let stream = TcpStream::connect(link_to_echo(0.0)).expect("connected");
        // More than all buffers hold, so that both ends have to wait for each other.
        let mut sent = vec![0; WINDOW + 12_345];
        fastrand::Rng::with_seed(1).fill(&mut sent);
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = &stream;
                for piece in sent.chunks(77_777) {
                    writer.write_all(piece).expect("sent");
                }
                stream.shutdown(Shutdown::Write).expect("ended");
            });
            let mut received = Vec::new();
            (&stream).read_to_end(&mut received).expect("received");
            received
        });
        assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
    }

    #[test]
    fn a_cap_holds_for_each_direction() {
        let stream = TcpStream::connect(link_to_echo(80.0)).expect("connected");
        let began = Instant::now();
        let sent = vec![7; 500_000];
        (&stream).write_all(&sent).expect("sent");
        stream.shutdown(Shutdown::Write).expect("ended");
        let mut received = Vec::new();
        (&stream).read_to_end(&mut received).expect("received");
        assert_eq!(received.len(), sent.len());
        // Half a megabyte at ten megabytes a second.
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
    }

    #[test]
    fn a_registry_that_is_gone_ends_the_connection() {
        let gone =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || accept(&listener, gone, Arc::new(Delays::new(RTT, 0.0, 0.0))));
        let mut stream = TcpStream::connect(address).expect("connected");
        let ended = stream.read(&mut [0; 1]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}
