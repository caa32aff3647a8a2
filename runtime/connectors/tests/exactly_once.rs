//! The file sink under death: whatever operation on the disk is the last one of a run, the next run goes on from
//! the last published epoch, and in the end every row stands there once.

use flow_connectors::StandardConnectors;
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Epoch, Run, Sink, SinkError, Writer};
use flow_env::{Disk, Env, Random, RealClock, SimDisk, Simulation};
use flow_plan::connector::{ArgValue, ConnectorArg, ConnectorCall, Format, TimeUnit};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const EPOCHS: u64 = 3;
/// Rows of an epoch.
const ROWS: i64 = 8;
const BASE: &str = "/base";
/// A file of an earlier run.
const OLD: &str = "/base/out/part-0-0.ndjson";

fn schema() -> Arc<RecordType> {
    Arc::new(RecordType::new(vec![Field::new("n", DataType::Int), Field::new("k", DataType::Int)]))
}

type Args = Vec<(&'static str, ArgValue)>;

fn word(word: &str) -> ArgValue {
    ArgValue::Word(word.into())
}

fn env(disk: &SimDisk) -> Env {
    Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) }
}

fn open(disk: &SimDisk, args: &Args) -> Result<Box<dyn Sink>, SinkError> {
    let path = ("path", ArgValue::Value(Value::string("out")));
    let arg =
        |(name, value): (&str, ArgValue)| ConnectorArg { name: name.into(), value, place: Place::default() };
    let call = ConnectorCall {
        name: "file".into(),
        args: args.iter().cloned().chain([path]).map(arg).collect(),
        format: Some(Format::Json { time_unit: TimeUnit::Millis }),
        schema: schema(),
        generators: Vec::new(),
        place: Place::default(),
    };
    StandardConnectors::new().sink(&call, &schema(), Path::new(BASE), &env(disk))
}

fn run(generation: u64, fresh: bool) -> Run {
    Run { job: "test job".into(), generation, fresh }
}

fn batch(rows: std::ops::Range<i64>) -> Batch {
    let rows: Vec<Vec<Value>> = rows.map(|n| vec![Value::Int(n), Value::Int(n % 3)]).collect();
    Batch::from_rows(&rows, &schema())
}

/// The rows of an epoch, by two writers in turn.
fn write(writers: &mut [Box<dyn Writer>; 2], epoch: Epoch) -> Result<(), SinkError> {
    let first = (epoch as i64 - 1) * ROWS;
    for at in (first..first + ROWS).step_by(2) {
        writers[(at / 2 % 2) as usize].write(&batch(at..at + 2))?;
    }
    Ok(())
}

fn seal(writers: &mut [Box<dyn Writer>; 2]) -> Result<Vec<String>, SinkError> {
    let mut sealed = Vec::new();
    for writer in writers {
        sealed.extend(writer.seal()?.finish()?);
    }
    Ok(sealed)
}

/// What a job keeps outside of its sinks; here it never fails.
#[derive(Default, Debug)]
struct Job {
    generation: u64,
    published: Epoch,
    sealed: Vec<String>,
    finished: bool,
}

impl Job {
    /// One run, as the engine drives a sink, until it ends or dies.
    fn run(&mut self, disk: &SimDisk, args: &Args) -> Result<(), SinkError> {
        self.generation += 1;
        let mut sink = open(disk, args)?;
        let mark = sink.begin(&run(self.generation, self.published == 0))?;
        let shown = mark.map_or(0, |mark| mark.epoch);
        assert!(shown <= self.published, "it shows more than was published");
        if shown < self.published {
            sink.commit(self.published, &self.sealed)?;
        }
        if !self.finished {
            sink.clean(&[])?;
            let mut writers = [sink.writer(0)?, sink.writer(1)?];
            for epoch in self.published + 1..=EPOCHS {
                write(&mut writers, epoch)?;
                self.sealed = seal(&mut writers)?;
                self.published = epoch;
                sink.commit(epoch, &self.sealed)?;
            }
        }
        self.finished = true;
        sink.end()
    }
}

/// Files of the folder, hidden ones too.
fn files(disk: &SimDisk) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::from(BASE).join("out")]);
    while let Some(dir) = open.pop() {
        for entry in disk.list(&dir).unwrap_or_default() {
            if entry.info.is_dir { open.push(entry.path) } else { found.push(entry.path) }
        }
    }
    found
}

fn is_hidden(path: &Path) -> bool {
    path.iter().any(|step| step.to_string_lossy().starts_with('.'))
}

/// The rows that a reader sees, in order.
fn visible(disk: &SimDisk) -> Vec<i64> {
    let mut rows = Vec::new();
    for path in files(disk).iter().filter(|path| !is_hidden(path)) {
        let bytes = disk.read(path).unwrap();
        let mut text = String::new();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
            Some("zst") => zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap(),
            _ => (&bytes[..]).read_to_string(&mut text).unwrap(),
        };
        let number =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_i64().unwrap();
        rows.extend(text.lines().map(number));
    }
    rows.sort_unstable();
    rows
}

fn rows_of(epochs: Epoch) -> Vec<i64> {
    (0..epochs as i64 * ROWS).collect()
}

/// What is visible after a death: all rows of the epochs before the published one, perhaps some of its own.
fn is_prefix(disk: &SimDisk, job: &Job, old: &[i64], what: &str) {
    let rows = visible(disk);
    let before = rows_of(job.published.saturating_sub(1));
    let all = rows_of(job.published);
    let new: Vec<i64> = rows.iter().copied().filter(|row| *row >= 0).collect();
    assert!(new.iter().zip(new.iter().skip(1)).all(|(a, b)| a < b), "{what}: doubled: {rows:?}");
    assert!(before.iter().all(|row| new.contains(row)), "{what}: lost: {rows:?}, {job:?}");
    assert!(new.iter().all(|row| all.contains(row)), "{what}: too early: {rows:?}, {job:?}");
    if job.published == 0 {
        assert_eq!(rows, old, "{what}: nothing may change before the first epoch");
    }
}

/// All that was asked for is there once, and nothing else.
fn is_whole(disk: &SimDisk, old: &[i64], what: &str) {
    let all: Vec<i64> = old.iter().copied().chain(rows_of(EPOCHS)).collect();
    assert_eq!(visible(disk), all, "{what}");
    let left: Vec<PathBuf> = files(disk).into_iter().filter(|path| is_hidden(path)).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "{what}");
}

/// A disk, with a file of an earlier run (whose row is negative) if asked for.
fn disk(seed: u64, old: bool) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.put(&Path::new(BASE).join("script"), b"").unwrap();
    for dir in ["/", BASE] {
        disk.sync_dir(Path::new(dir)).unwrap();
    }
    if old {
        disk.put(Path::new(OLD), b"{\"n\":-1}\n").unwrap();
        disk.sync_dir(Path::new(BASE)).unwrap();
    }
    disk.kill();
    disk
}

/// Every way in which the sink is used: its arguments, whether there are old rows, whether these stay.
fn ways() -> Vec<(Args, bool, bool)> {
    let by = ("partitionBy", ArgValue::Names(vec!["k".into()]));
    let small = ("rollSize", ArgValue::Value(Value::Int(20)));
    vec![
        (vec![], false, false),
        (vec![("mode", word("append"))], true, true),
        (vec![("mode", word("overwrite"))], true, false),
        (vec![by.clone(), ("compression", word("gzip"))], false, false),
        (vec![by, ("compression", word("zstd")), ("mode", word("overwrite"))], true, false),
        (vec![small, ("mode", word("append"))], true, true),
    ]
}

/// How a run ends before its time.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// Its process is killed before an operation.
    Killed,
    /// An operation fails, and the run with it.
    Failed,
}

#[test]
fn every_row_is_there_once_whichever_operation_was_the_last_of_a_run_and_of_the_next_one() {
    let mut deaths = 0;
    for (way, (args, old, stays)) in ways().into_iter().enumerate() {
        let old_rows: &[i64] = if old { &[-1] } else { &[] };
        let kept = if stays { old_rows } else { &[] };
        for death in [Death::Killed, Death::Failed] {
            for first in 0.. {
                let (disk, mut job) = (disk(1, old), Job::default());
                // The second run dies soon after it began: in its recovery.
                for number in [first, first % 41] {
                    match death {
                        Death::Killed => disk.power_off_at(number),
                        Death::Failed => disk.fail_at(number),
                    }
                    let died = job.run(&disk, &args).is_err();
                    disk.kill();
                    deaths += usize::from(died);
                    let what = format!("way {way}, {death:?} at {first}, then at {number}");
                    is_prefix(&disk, &job, old_rows, &what);
                    if !died {
                        break;
                    }
                }
                let what = format!("way {way}, {death:?} at {first}");
                disk.kill();
                if !job.finished || !is_over(&disk) {
                    job.run(&disk, &args).unwrap_or_else(|error| panic!("{what}: {error}"));
                }
                is_whole(&disk, kept, &what);
                if job.generation == 1 {
                    break;
                }
            }
        }
    }
    assert!(deaths > 1000, "only {deaths} deaths");
}

/// Has the last run taken away its hidden folder?
fn is_over(disk: &SimDisk) -> bool {
    files(disk).iter().all(|path| !is_hidden(path))
}

#[test]
fn every_row_is_there_once_when_processes_die_and_the_power_fails_again_and_again() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let ways = ways();
        let (args, old, stays) = &ways[random.below(ways.len() as u64) as usize];
        let old_rows: &[i64] = if *old { &[-1] } else { &[] };
        let (disk, mut job) = (disk(seed, *old), Job::default());
        for _ in 0..random.below(6) {
            disk.power_off_at(random.below(160));
            if job.run(&disk, args).is_ok() {
                break;
            }
            if random.below(3) == 0 {
                disk.kill()
            } else {
                disk.boot()
            }
            is_prefix(&disk, &job, old_rows, &format!("seed {seed}"));
            disk.kill();
        }
        disk.kill();
        if !job.finished || !is_over(&disk) {
            job.run(&disk, args).unwrap_or_else(|error| panic!("seed {seed}: {error}, {job:?}"));
        }
        is_whole(&disk, if *stays { old_rows } else { &[] }, &format!("seed {seed}"));
    }
}

#[test]
fn a_run_that_wakes_up_late_can_show_nothing_and_stage_nothing() {
    let disk = disk(1, false);
    let args = vec![];
    let mut old = open(&disk, &args).unwrap();
    old.begin(&run(1, true)).unwrap();
    old.clean(&[]).unwrap();
    let mut writers = [old.writer(0).unwrap(), old.writer(1).unwrap()];
    write(&mut writers, 1).unwrap();
    let one = seal(&mut writers).unwrap();
    // Epoch 1 is published; before it is shown, a newer run goes on from it and shows it.
    let mut new = open(&disk, &args).unwrap();
    assert_eq!(new.begin(&run(2, false)).unwrap(), None);
    assert!(matches!(old.commit(1, &one), Err(SinkError::Fenced(_))), "it shows an epoch");
    new.commit(1, &one).unwrap();
    new.clean(&[]).unwrap();
    assert!(matches!(old.commit(1, &one), Err(SinkError::Fenced(_))), "it marks an epoch");
    let late = write(&mut writers, 2).and_then(|()| seal(&mut writers));
    assert!(matches!(late, Err(SinkError::Fenced(_))), "it stages rows");
    old.abort();
    let mut writers = [new.writer(0).unwrap(), new.writer(1).unwrap()];
    write(&mut writers, 2).unwrap();
    let two = seal(&mut writers).unwrap();
    new.commit(2, &two).unwrap();
    assert_eq!(visible(&disk), rows_of(2));
    // A run of an older number that only begins now is refused.
    let mut late = open(&disk, &args).unwrap();
    assert!(matches!(late.begin(&run(1, false)), Err(SinkError::Fenced(_))));
    let mut third = open(&disk, &args).unwrap();
    let mark = third.begin(&run(3, false)).unwrap().unwrap();
    assert_eq!((mark.generation, mark.epoch), (2, 2));
}

/// A run has sealed its first epoch, which counts, and is about to show it.
fn about_to_show(disk: &SimDisk, args: &Args) -> (Box<dyn Sink>, Vec<String>) {
    let mut sink = open(disk, args).unwrap();
    sink.begin(&run(1, true)).unwrap();
    sink.clean(&[]).unwrap();
    let mut writers = [sink.writer(0).unwrap(), sink.writer(1).unwrap()];
    write(&mut writers, 1).unwrap();
    let sealed = seal(&mut writers).unwrap();
    (sink, sealed)
}

#[test]
fn what_an_older_run_shows_while_the_next_one_begins_stays() {
    let mut between = 0;
    for seed in 0..600 {
        let disk = disk(seed, false);
        let (mut old, one) = about_to_show(&disk, &vec![]);
        Simulation::new(seed).run(|| {
            let sealed = one.clone();
            let older = flow_env::spawn("older", move || drop(old.commit(1, &sealed))).unwrap();
            let mut new = open(&disk, &vec![]).unwrap();
            let mark = new.begin(&run(2, false)).unwrap();
            between += usize::from(mark.is_none() && !visible(&disk).is_empty());
            older.join().unwrap();
            if mark.is_none() {
                new.commit(1, &one).unwrap();
            }
            new.clean(&[]).unwrap();
            let mut writers = [new.writer(0).unwrap(), new.writer(1).unwrap()];
            write(&mut writers, 2).unwrap();
            let two = seal(&mut writers).unwrap();
            new.commit(2, &two).unwrap();
        });
        assert_eq!(visible(&disk), rows_of(2), "seed {seed}");
    }
    assert!(between > 20, "only {between} of them began when some of it was shown");
}

#[test]
fn a_run_that_begins_anew_keeps_or_replaces_also_what_an_older_one_shows_just_then() {
    for seed in 0..600 {
        for mode in ["append", "overwrite"] {
            let disk = disk(seed, false);
            let args = vec![("mode", word(mode))];
            let (mut old, one) = about_to_show(&disk, &args);
            let shown = Simulation::new(seed).run(|| {
                let older = flow_env::spawn("older", move || drop(old.commit(1, &one))).unwrap();
                let mut new = open(&disk, &args).unwrap();
                new.begin(&run(2, true)).unwrap();
                older.join().unwrap();
                let shown = visible(&disk);
                new.clean(&[]).unwrap();
                let mut writers = [new.writer(0).unwrap(), new.writer(1).unwrap()];
                write(&mut writers, 2).unwrap();
                let sealed = seal(&mut writers).unwrap();
                new.commit(2, &sealed).unwrap();
                shown
            });
            let kept = if mode == "append" { shown } else { Vec::new() };
            let wanted: Vec<i64> = kept.into_iter().chain(ROWS..2 * ROWS).collect();
            assert_eq!(visible(&disk), wanted, "seed {seed}, {mode}");
        }
    }
}

#[test]
fn a_sink_knows_the_last_epoch_of_which_it_shows_rows() {
    let disk = disk(1, false);
    let (mut sink, sealed) = about_to_show(&disk, &vec![]);
    assert!(!sink.shows(&sealed).unwrap());
    sink.commit(1, &sealed).unwrap();
    sink.commit(2, &[]).unwrap();
    sink.commit(3, &[]).unwrap();
    drop(sink);
    let mut next = open(&disk, &vec![]).unwrap();
    let mark = next.begin(&run(2, false)).unwrap().unwrap();
    assert_eq!((mark.epoch, next.filled(mark)), (3, 1));
    assert!(next.shows(&sealed[..1]).unwrap() && next.shows(&sealed[1..]).unwrap());
    assert!(!next.shows(&["7 part-0-99.ndjson".into()]).unwrap());
    next.clean(&[]).unwrap();
    next.commit(4, &[]).unwrap();
    // A run that begins anew cannot say what of the folder is whose.
    let mut fresh = open(&disk, &vec![("mode", word("append"))]).unwrap();
    fresh.begin(&run(3, true)).unwrap();
    fresh.clean(&[]).unwrap();
    fresh.commit(5, &[]).unwrap();
    let mut last = open(&disk, &vec![]).unwrap();
    let mark = last.begin(&run(4, false)).unwrap().unwrap();
    assert_eq!((mark.epoch, last.filled(mark)), (5, 5));
}

#[test]
fn an_abandoned_epoch_becomes_part_of_the_next_one() {
    let disk = disk(1, false);
    let mut sink = open(&disk, &vec![]).unwrap();
    sink.begin(&run(1, true)).unwrap();
    sink.clean(&[]).unwrap();
    let mut writers = [sink.writer(0).unwrap(), sink.writer(1).unwrap()];
    write(&mut writers, 1).unwrap();
    let mut sealed = seal(&mut writers).unwrap();
    write(&mut writers, 2).unwrap();
    sealed.extend(seal(&mut writers).unwrap());
    assert!(visible(&disk).is_empty());
    sink.commit(2, &sealed).unwrap();
    assert_eq!(visible(&disk), rows_of(2));
    // An epoch without rows moves the mark too.
    let empty = seal(&mut writers).unwrap();
    sink.commit(3, &empty).unwrap();
    let mark = open(&disk, &vec![]).unwrap().begin(&run(2, false)).unwrap();
    assert_eq!(mark.map(|mark| mark.epoch), Some(3));
}

#[test]
fn a_sealed_part_that_is_lost_or_changed_is_named() {
    let disk = disk(1, false);
    let mut sink = open(&disk, &vec![]).unwrap();
    sink.begin(&run(1, true)).unwrap();
    sink.clean(&[]).unwrap();
    let mut writers = [sink.writer(0).unwrap(), sink.writer(1).unwrap()];
    write(&mut writers, 1).unwrap();
    let sealed = seal(&mut writers).unwrap();
    let staged: Vec<PathBuf> =
        files(&disk).into_iter().filter(|path| path.ends_with("part-1-0.ndjson")).collect();
    disk.append(&staged[0]).unwrap().write_all(b"more").unwrap();
    let changed = sink.commit(1, &sealed).unwrap_err().to_string();
    assert!(changed.contains("part-1-0.ndjson was changed") && changed.contains("were sealed"), "{changed}");
    disk.remove_file(&staged[0]).unwrap();
    let lost = sink.commit(1, &sealed).unwrap_err().to_string();
    assert!(lost.contains("/base/out/part-1-0.ndjson is lost"), "{lost}");
    for foreign in [
        "",
        "7",
        "x part-0-0",
        "7 ../part-0-0.ndjson",
        "7 /etc/passwd",
        "7:ab part-0-0.ndjson",
        "7: part-0-0.ndjson",
    ] {
        let refused = sink.commit(1, &[foreign.to_string()]).unwrap_err().to_string();
        assert!(refused.contains("no sealed part"), "{refused}");
    }
}

/// What happened to what a run had sealed before it died.
type Damage = fn(&SimDisk, &[PathBuf]);

/// Ways to damage what is staged; each leaves all lengths as they were, but one.
const DAMAGES: [(&str, Damage); 3] = [
    ("its bytes are not those that were sealed", |disk, staged| {
        let mut bytes = disk.read(&staged[0]).unwrap();
        *bytes.iter_mut().find(|byte| **byte == b'4').unwrap() = b'9';
        disk.put(&staged[0], &bytes).unwrap();
    }),
    ("were sealed", |disk, staged| {
        let bytes = disk.read(&staged[0]).unwrap();
        disk.put(&staged[0], &bytes[..bytes.len() - 1]).unwrap();
    }),
    ("its bytes are not those that were sealed", |disk, staged| {
        let [one, two] = [&staged[0], &staged[1]].map(|path| disk.read(path).unwrap());
        assert!(one.len() == two.len() && one != two);
        disk.put(&staged[0], &two).unwrap();
        disk.put(&staged[1], &one).unwrap();
    }),
];

/// The staged parts.
fn staged(disk: &SimDisk) -> Vec<PathBuf> {
    let mut staged: Vec<PathBuf> = files(disk).into_iter().filter(|path| is_hidden(path)).collect();
    staged.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part-")));
    staged.sort();
    staged
}

#[test]
fn a_run_shows_nothing_of_what_the_last_one_sealed_if_a_part_of_it_was_changed() {
    for (why, damage) in DAMAGES {
        let disk = disk(1, false);
        let (died, sealed) = about_to_show(&disk, &vec![]);
        drop(died);
        let whole: Vec<Vec<u8>> = staged(&disk).iter().map(|path| disk.read(path).unwrap()).collect();
        damage(&disk, &staged(&disk));
        for generation in 2..4 {
            let mut next = open(&disk, &vec![]).unwrap();
            assert_eq!(next.begin(&run(generation, false)).unwrap(), None);
            let refused = next.commit(1, &sealed).unwrap_err().to_string();
            assert!(refused.contains("part-0-0.ndjson was changed") && refused.contains(why), "{refused}");
            assert!(visible(&disk).is_empty());
        }
        // Put back, it is shown.
        staged(&disk).iter().zip(&whole).for_each(|(path, bytes)| disk.put(path, bytes).unwrap());
        let mut last = open(&disk, &vec![]).unwrap();
        last.begin(&run(4, false)).unwrap();
        last.commit(1, &sealed).unwrap();
        assert_eq!(visible(&disk), rows_of(1));
    }
}

#[test]
fn a_part_that_stands_in_its_place_already_is_looked_at_too() {
    let disk = disk(1, false);
    let (mut died, sealed) = about_to_show(&disk, &vec![]);
    // The mark is not moved: the run dies before that.
    died.commit(1, &sealed[..1]).unwrap();
    disk.remove_file(&files(&disk).into_iter().find(|path| path.ends_with("mark")).unwrap()).unwrap();
    let shown = PathBuf::from(BASE).join("out/part-0-0.ndjson");
    let bytes = disk.read(&shown).unwrap();
    disk.put(&shown, &bytes.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).unwrap();
    let mut next = open(&disk, &vec![]).unwrap();
    assert_eq!(next.begin(&run(2, false)).unwrap(), None);
    let refused = next.commit(1, &sealed).unwrap_err().to_string();
    assert!(refused.contains("/base/out/part-0-0.ndjson was changed"), "{refused}");
    assert_eq!(staged(&disk).len(), 1);
    disk.put(&shown, &bytes).unwrap();
    next.commit(1, &sealed).unwrap();
    assert_eq!(visible(&disk), rows_of(1));
}

#[test]
fn every_bit_of_a_sealed_part_counts_packed_or_not() {
    for args in [vec![], vec![("compression", word("gzip"))], vec![("compression", word("zstd"))]] {
        let disk = disk(1, false);
        let (died, sealed) = about_to_show(&disk, &args);
        drop(died);
        let mut next = open(&disk, &args).unwrap();
        next.begin(&run(2, false)).unwrap();
        for path in staged(&disk) {
            let whole = disk.read(&path).unwrap();
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                disk.put(&path, &bytes).unwrap();
                let refused = next.commit(1, &sealed).unwrap_err().to_string();
                assert!(refused.contains("was changed"), "bit {bit}: {refused}");
            }
            disk.put(&path, &whole).unwrap();
        }
        next.commit(1, &sealed).unwrap();
        assert_eq!(visible(&disk), rows_of(1));
    }
}

#[test]
fn a_checkpoint_that_knows_its_parts_by_their_lengths_only_is_gone_on_from() {
    let disk = disk(1, false);
    let (died, sealed) = about_to_show(&disk, &vec![]);
    drop(died);
    let old = |text: &String| {
        let (known, below) = text.split_once(' ').unwrap();
        format!("{} {below}", known.split_once(':').unwrap().0)
    };
    let old: Vec<String> = sealed.iter().map(old).collect();
    let mut next = open(&disk, &vec![]).unwrap();
    next.begin(&run(2, false)).unwrap();
    next.commit(1, &old).unwrap();
    assert_eq!(visible(&disk), rows_of(1));
}

#[test]
fn a_start_that_is_refused_leaves_what_an_earlier_run_sealed() {
    let disk = disk(1, false);
    let args = vec![("mode", word("append"))];
    let mut job = Job::default();
    // The first run dies behind its first seal, before it shows anything.
    let mut sink = open(&disk, &args).unwrap();
    job.generation = 1;
    sink.begin(&run(1, true)).unwrap();
    sink.clean(&[]).unwrap();
    let mut writers = [sink.writer(0).unwrap(), sink.writer(1).unwrap()];
    write(&mut writers, 1).unwrap();
    (job.published, job.sealed) = (1, seal(&mut writers).unwrap());
    // Then somebody wants to begin anew, or to go on, and something else refuses the start.
    for fresh in [true, false] {
        job.generation += 1;
        let mut refused = open(&disk, &args).unwrap();
        refused.begin(&run(job.generation, fresh)).unwrap();
        refused.abort();
    }
    job.run(&disk, &args).unwrap();
    is_whole(&disk, &[], "after two refused starts");
}

#[test]
fn a_folder_belongs_to_one_sink() {
    let disk = disk(1, false);
    let connectors = StandardConnectors::new();
    let sink = |path: &str| {
        let arg = ConnectorArg {
            name: "path".into(),
            value: ArgValue::Value(Value::string(path)),
            place: Place::default(),
        };
        let call = ConnectorCall {
            name: "file".into(),
            args: vec![arg],
            format: None,
            schema: schema(),
            generators: Vec::new(),
            place: Place::default(),
        };
        connectors.sink(&call, &schema(), Path::new(BASE), &env(&disk)).map(drop)
    };
    sink("out/a").unwrap();
    sink("out/ab").unwrap();
    for other in ["out/a", "./out/a/", "out", "out/a/deep"] {
        let refused = sink(other).unwrap_err().to_string();
        assert!(refused.contains("its own folder"), "{refused}");
    }
}

/// Planted in a process of its own.
#[test]
fn a_sink_that_does_not_sync_its_folders_is_found() {
    let test = "every_row_is_there_once_when_processes_die_and_the_power_fails_again_and_again";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let end = command.args([test, "--exact"]).env("FLOW_BUG", "skip-sink-folder-sync").output().unwrap();
    let said = String::from_utf8_lossy(&end.stdout);
    assert!(said.contains("1 failed"), "it was not found:\n{said}");
}
