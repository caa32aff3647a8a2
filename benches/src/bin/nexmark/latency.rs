//! `nexmark latency`: rows at a fixed rate into a running job, and how long each result takes: of a running
//! count from its row, of a window from the first row behind its end. `flow` reads a pipe, Flink a socket
//! (it cannot read a pipe); both write to a pipe.

use crate::places::{Places, remove};
use flow_benches::random::Random;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const KEYS: u64 = 1000;
/// What happens while a program warms up does not count.
const WARM: Duration = Duration::from_secs(5);

/// What is sent, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
}

/// Both jobs by both programs.
pub(crate) fn run(places: &Places, load: Load, flink: bool) -> Result<(), String> {
    let jars = if flink { Some(flow_benches::tools::flink(&places.data)?) } else { None };
    let mut text = format!(
        "{} rows a second, {KEYS} keys, {} s behind {} s to warm up.\n\n\
         | job | program | results | p50 ms | p99 ms | p99.9 ms | longest ms |\n\
         |---|---|---:|---:|---:|---:|---:|\n",
        load.rate,
        load.seconds,
        WARM.as_secs()
    );
    for (job, about) in [("counts", "running counts"), ("windows", "windows of 1 s")] {
        let mut add = |who: &str, mut micros: Vec<u64>| {
            micros.sort_unstable();
            let at = |part: f64| {
                let place = ((micros.len() as f64 * part) as usize).min(micros.len().saturating_sub(1));
                micros.get(place).map_or(f64::NAN, |m| *m as f64 / 1000.0)
            };
            let (p50, p99, p999, most) = (at(0.5), at(0.99), at(0.999), at(1.0));
            let n = micros.len();
            eprintln!("{about} by {who}: p50 {p50:.2} ms, p99 {p99:.2} ms");
            let _ = writeln!(text, "| {about} | {who} | {n} | {p50:.2} | {p99:.2} | {p999:.2} | {most:.2} |");
        };
        add("flow", by_flow(places, job, load)?);
        if let Some(jars) = &jars {
            add("Flink", by_flink(places, jars, job, load)?);
        }
    }
    print!("{text}");
    Ok(())
}

fn by_flow(places: &Places, job: &str, load: Load) -> Result<Vec<u64>, String> {
    let folder = places.data.join("latency");
    remove(&folder)?;
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let script = format!("latency-{job}.flow");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(&script);
    std::fs::copy(&from, folder.join(&script)).map_err(|e| format!("{}: {e}", from.display()))?;
    let mut command = Command::new(&places.flow);
    command.arg("run").arg(folder.join(script)).args(["--fresh", "--parallelism", "1"]);
    let mut child = start(&mut command, Stdio::piped())?;
    let input = child.stdin.take().ok_or("no pipe to flow")?;
    measure(child, input, job, load)
}

fn by_flink(places: &Places, jars: &Path, job: &str, load: Load) -> Result<Vec<u64>, String> {
    let classes = flink_classes(places, jars)?;
    let failed = |e: std::io::Error| format!("a socket for Flink: {e}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port().to_string();
    let mut command = Command::new("java");
    command.args(crate::places::JAVA).arg("-cp").arg(format!("{}/*:{}", jars.display(), classes.display()));
    command.args(["LatencyJob", job, &port]);
    let mut child = start(&mut command, Stdio::null())?;
    listener.set_nonblocking(true).map_err(failed)?;
    let socket = loop {
        match listener.accept() {
            Ok((socket, _)) => break socket,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(failed(error)),
            Err(_) => {}
        }
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Err(format!("Flink ended before it read anything: {status}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    socket.set_nonblocking(false).map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    measure(child, socket, job, load)
}

/// Compiles the job: Flink looks its lambdas up by name, which it cannot in a program started from source.
fn flink_classes(places: &Places, jars: &Path) -> Result<PathBuf, String> {
    let classes = places.data.join("flink-classes");
    let mut command = Command::new("javac");
    command.arg("-d").arg(&classes).arg("-cp").arg(format!("{}/*", jars.display()));
    command.arg(places.peers.join("flink").join("LatencyJob.java"));
    match command.status() {
        Ok(status) if status.success() => Ok(classes),
        Ok(status) => Err(format!("javac ended with {status}")),
        Err(error) => Err(format!("javac, which comes with a JDK: {error}")),
    }
}

fn start(command: &mut Command, input: Stdio) -> Result<Child, String> {
    let command = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map_err(|e| format!("{:?}: {e}", command.get_program()))
}

/// Sends for the time of the load, reads results meanwhile, and returns the latencies in microseconds.
fn measure(
    mut child: Child,
    mut input: impl Write + Send + 'static,
    job: &str,
    load: Load,
) -> Result<Vec<u64>, String> {
    let mut output = child.stdout.take().ok_or("no pipe from the program")?;
    let (send, receive) = channel();
    let windows = job == "windows";
    let begin = Instant::now();
    let sender = std::thread::spawn(move || rows(&mut input, windows, load, &send));
    let mut results = Results { windows, receive, ends: BTreeMap::new(), micros: Vec::new(), from: 0 };
    results.from = now() + WARM.as_micros() as u64;
    let mut buffer = vec![0; 1 << 20];
    let mut held = 0;
    loop {
        let n = output.read(&mut buffer[held..]).map_err(|e| e.to_string())?;
        let arrived = now();
        let filled = held + n;
        let lines = buffer[..filled].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        // What comes when the input has ended, and not because a row came, has no latency.
        if begin.elapsed() < WARM + Duration::from_secs(load.seconds) {
            buffer[..lines].split(|b| *b == b'\n').for_each(|line| results.take(line, arrived));
        }
        buffer.copy_within(lines..filled, 0);
        held = filled - lines;
        if n == 0 || (sender.is_finished() && results.windows) {
            break;
        }
    }
    // Only the program that was started here.
    let _ = child.kill();
    let _ = child.wait();
    sender.join().map_err(|_| "the sender failed")??;
    Ok(results.micros)
}

/// Sends what is due, again and again; tells when the first row behind the end of a window was sent.
fn rows(out: &mut impl Write, windows: bool, load: Load, ends: &Sender<(u64, u64)>) -> Result<(), String> {
    let mut random = Random::new(1);
    let (begin, mut sent, mut second) = (Instant::now(), 0, 0);
    let mut text = String::new();
    while begin.elapsed() < WARM + Duration::from_secs(load.seconds) {
        let due = (begin.elapsed().as_secs_f64() * load.rate as f64) as u64;
        if due == sent {
            std::thread::sleep(Duration::from_micros(100));
            continue;
        }
        text.clear();
        let time = now();
        for _ in sent..due {
            let key = random.below(KEYS);
            let name = if windows { "at" } else { "sent" };
            let _ = writeln!(text, "{{\"key\":{key},\"{name}\":{time}}}");
        }
        sent = due;
        if time / 1_000_000 != second {
            second = time / 1_000_000;
            let _ = ends.send((second, time));
        }
        // A program that has ended reads no more.
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            return Err("the program reads no more".to_string());
        }
    }
    Ok(())
}

struct Results {
    windows: bool,
    receive: Receiver<(u64, u64)>,
    /// End of a window in seconds → when the first row behind it was sent.
    ends: BTreeMap<u64, u64>,
    micros: Vec<u64>,
    /// Results of rows before this do not count.
    from: u64,
}

impl Results {
    fn take(&mut self, line: &[u8], arrived: u64) {
        let text = String::from_utf8_lossy(line);
        let cause = if self.windows {
            self.ends.extend(self.receive.try_iter());
            field(&text, "\"windowEnd\":").and_then(second).and_then(|end| self.ends.get(&end).copied())
        } else {
            field(&text, "\"sent\":").and_then(|n| n.parse().ok())
        };
        if let Some(cause) = cause.filter(|cause| *cause >= self.from) {
            self.micros.push(arrived.saturating_sub(cause));
        }
    }
}

/// The value behind a key, without quotes.
fn field<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let rest = &line[line.find(key)? + key.len()..];
    Some(rest.split([',', '}']).next()?.trim_matches('"'))
}

/// Seconds since 1970 of milliseconds, or of a timestamp of today.
fn second(value: &str) -> Option<u64> {
    if let Ok(millis) = value.parse::<u64>() {
        return Some(millis / 1000);
    }
    let number = |range: std::ops::Range<usize>| value.get(range)?.parse::<u64>().ok();
    let of_day = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    // A run across midnight loses the windows of its first day, no more.
    let today = now() / 1_000_000 / 86_400 * 86_400;
    Some(today + of_day)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}
