use super::range::Pair;
use super::*;
use crate::checkpoints::Told;
use flow_env::{Clock, Disk, Random, RealDisk, SimDisk, Simulation};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

fn folder(disk: impl Disk + 'static) -> Arc<Folder> {
    hasty(disk, Path::new("/spilled"))
}

/// A folder in which nobody waits for space.
fn hasty(disk: impl Disk + 'static, path: &Path) -> Arc<Folder> {
    Folder::new(Arc::new(disk), path, 1, Box::new(|| Some("")), None).unwrap()
}

fn all(range: Range<'_>) -> Vec<Pair> {
    range.map(Result::unwrap).collect()
}

/// A key of one of two lengths, so that one may be the beginning of another.
fn key(random: &mut Random, keys: u64) -> Vec<u8> {
    let key = random.below(keys).to_be_bytes();
    key[..if random.below(4) == 0 { 7 } else { 8 }].to_vec()
}

/// Many entries come at once, of keys that are not there.
fn crowd(tree: &mut Tree, map: &mut BTreeMap<Vec<u8>, Vec<u8>>, random: &mut Random, keys: u64) {
    let new: BTreeMap<Vec<u8>, Vec<u8>> = (0..random.below(600))
        .map(|_| (key(random, keys), vec![random.below(256) as u8; random.below(80) as usize]))
        .filter(|(key, _)| !map.contains_key(key))
        .collect();
    let mut run = tree.begin_run(new.len()).unwrap();
    new.iter().for_each(|(key, value)| run.push(key, value).unwrap());
    tree.end_run(run).unwrap();
    map.extend(new);
}

/// Random steps on a tree, beside a map.
fn compare(seed: u64) {
    let mut random = Random::new(seed);
    // Merges go on behind 16 KB: values are as long as it takes that entries come and go while they do.
    let (keys, most) = (1 + random.below(3_000), random.below(20_000) as usize);
    let longest = [80, 2_000][random.below(2) as usize];
    let mut tree = Tree::new(&folder(SimDisk::new(seed)), most);
    let mut map = BTreeMap::new();
    for _ in 0..4_000 {
        let (from, to) = (key(&mut random, keys), key(&mut random, keys));
        match random.below(100) {
            0..55 => {
                let value = vec![random.below(256) as u8; random.below(longest) as usize];
                assert_eq!(
                    tree.insert(&from, value.clone()).unwrap(),
                    map.insert(from, value),
                    "seed {seed}"
                );
            }
            55..85 => assert_eq!(tree.remove(&from).unwrap(), map.remove(&from), "seed {seed}"),
            85..95 => assert_eq!(tree.get(&from).unwrap().as_ref(), map.get(&from), "seed {seed}"),
            95..98 => {
                let of_map = map.range(from.clone()..).take_while(|(key, _)| **key < to);
                let of_map: Vec<Pair> = of_map.map(|(key, value)| (key.clone(), value.clone())).collect();
                assert_eq!(all(tree.range(&from, Some(&to)).unwrap()), of_map, "seed {seed}");
            }
            98 if random.below(5) == 0 => {
                tree.remove_range(&from, Some(&to)).unwrap();
                map.retain(|key, _| *key < from || *key >= to);
            }
            99 if random.below(3) == 0 => crowd(&mut tree, &mut map, &mut random, keys),
            _ => {}
        }
    }
    assert_eq!(all(tree.range(&[], None).unwrap()), map.into_iter().collect::<Vec<Pair>>(), "seed {seed}");
    tree.remove_range(&[], None).unwrap();
    assert_eq!(all(tree.range(&[], None).unwrap()), [], "seed {seed}");
}

#[test]
fn a_tree_holds_what_a_map_holds() {
    let first = std::env::var("FLOW_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    (first..first + 60).for_each(compare);
}

fn number(key: u64) -> [u8; 8] {
    key.to_be_bytes()
}

#[test]
fn runs_and_the_disk_stay_few_however_often_entries_come_and_go() {
    let disk = SimDisk::new(1);
    let mut tree = Tree::new(&folder(disk.clone()), 4_000);
    let mut random = Random::new(1);
    for _ in 0..60_000 {
        tree.insert(&number(random.below(2_000)), vec![7; 50]).unwrap();
    }
    // What there is takes 0.13 MB.
    assert!(tree.all_runs().count() < 6 * FAN, "{} runs", tree.all_runs().count());
    assert!(disk.used() < 600_000, "{} bytes", disk.used());
    drop(tree);
    assert_eq!(disk.files(), Vec::<PathBuf>::new());
}

#[test]
fn values_of_any_size_come_back() {
    let mut tree = Tree::new(&folder(SimDisk::new(1)), 0);
    for size in [0, 1, 4_000, 5_000, 300_000] {
        tree.insert(&number(size), vec![size as u8; size as usize]).unwrap();
    }
    for size in [0, 1, 4_000, 5_000, 300_000] {
        assert_eq!(tree.get(&number(size)).unwrap(), Some(vec![size as u8; size as usize]));
    }
}

#[test]
fn more_runs_than_files_may_be_open_are_read_all_the_same() {
    let folder = folder(SimDisk::new(1));
    let mut trees: Vec<Tree> = (0..OPEN_TREES).map(|_| Tree::new(&folder, 0)).collect();
    trees.iter_mut().for_each(|tree| assert_eq!(tree.insert(b"key", b"value".to_vec()).unwrap(), None));
    assert!(trees.iter().all(|tree| tree.get(b"key").unwrap().as_deref() == Some(b"value")));
    drop(trees);
    assert_eq!(folder.open_now(), 0);
}

const OPEN_TREES: usize = 300;

#[test]
fn what_the_disk_does_not_give_back_as_it_was_is_an_error() {
    let disk = SimDisk::new(1);
    let mut tree = Tree::new(&folder(disk.clone()), 0);
    tree.insert(b"key", b"value".to_vec()).unwrap();
    let [file] = &disk.files()[..] else { panic!("one run") };
    let bytes = disk.get(file).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        disk.put(file, &other).unwrap();
        let told = tree.get(b"key").map_err(|error| error.to_string());
        assert!(told.as_ref().is_err_and(|why| why.contains("does not hold what was written")), "{told:?}");
    }
    disk.put(file, &bytes[..bytes.len() - 1]).unwrap();
    assert!(tree.remove(b"key").is_err_and(|why| why.to_string().contains("shorter")));
}

#[test]
fn a_full_disk_is_told_and_loses_nothing_that_is_there() {
    let disk = SimDisk::new(1);
    let mut tree = Tree::new(&folder(disk.clone()), 100);
    (0..10).for_each(|key| assert!(tree.insert(&number(key), vec![1; 50]).is_ok()));
    disk.set_space(Some(disk.used()));
    let failed = (10..20).find_map(|key| tree.insert(&number(key), vec![1; 50]).err());
    assert!(failed.is_some());
    assert!((0..10).all(|key| tree.get(&number(key)).unwrap() == Some(vec![1; 50])));
    disk.set_space(None);
    assert_eq!(tree.insert(&number(30), vec![2; 50]).unwrap(), None);
    assert_eq!(all(tree.range(&number(30), None).unwrap()), [(number(30).to_vec(), vec![2; 50])]);
}

#[test]
fn a_real_disk_serves_as_well() {
    let path = std::env::temp_dir().join(format!("flow-lsm-{}", std::process::id()));
    let folder = hasty(RealDisk, &path);
    let mut tree = Tree::new(&folder, 1_000);
    (0..1_000).for_each(|key| assert!(tree.insert(&number(key), number(key + 1).to_vec()).is_ok()));
    assert!((0..1_000).all(|key| tree.remove(&number(key)).unwrap() == Some(number(key + 1).to_vec())));
    assert_eq!(all(tree.range(&[], None).unwrap()), []);
    RealDisk.remove_dir_all(&path).unwrap();
}

#[test]
fn entries_that_are_taken_in_their_order_are_not_read_again() {
    let disk = SimDisk::new(1);
    let mut tree = Tree::new(&folder(disk.clone()), 1 << 20);
    (0..12_000).for_each(|key| assert!(tree.insert(&number(key), vec![1; 50]).is_ok()));
    tree.write_latest().unwrap();
    let before = disk.operations();
    for piece in 0..120 {
        let range = tree.range(&[], None).unwrap().take(101);
        let keys: Vec<Vec<u8>> = range.map(|entry| entry.unwrap().0).collect();
        assert_eq!(keys[0], number(piece * 100));
        tree.remove_range(&[], keys.get(100).map(Vec::as_slice)).unwrap();
    }
    // A run has some 200 blocks.
    let reads = disk.operations() - before;
    assert!(reads < 3_000, "{reads} reads");
}

#[test]
fn a_run_that_goes_on_beside_another_one_touches_nothing_of_it() {
    let disk = SimDisk::new(1);
    let folder = |run| {
        let disk = Arc::new(disk.clone());
        Folder::new(disk, Path::new("/spilled"), run, Box::new(|| Some("")), None).unwrap()
    };
    let mut trees = [1, 2].map(|run| Tree::new(&folder(run), 100));
    for key in 0..200 {
        for (run, tree) in trees.iter_mut().enumerate() {
            tree.insert(&number(key), vec![run as u8; 50]).unwrap();
        }
    }
    for (run, mut tree) in trees.into_iter().enumerate() {
        assert!((0..200).all(|key| tree.remove(&number(key)).unwrap() == Some(vec![run as u8; 50])));
    }
}

#[test]
fn what_runs_that_are_over_left_goes_and_what_a_newer_one_has_stays() {
    let (disk, path) = (SimDisk::new(1), Path::new("/spilled"));
    let folder = |run| Folder::new(Arc::new(disk.clone()), path, run, Box::new(|| Some("")), None).unwrap();
    let tree_of = |folder: &Arc<Folder>| {
        let mut tree = Tree::new(folder, 100);
        (0..200).for_each(|key| drop(tree.insert(&number(key), vec![0; 50]).unwrap()));
        tree
    };
    let (killed, own) = (folder(1), folder(3));
    std::mem::forget(tree_of(&killed));
    let mut tree = tree_of(&own);
    // As the second run, which is over and does not know it, at its start and at its end.
    clear_spilled(&disk, path, 2).unwrap();
    assert!(disk.remove_empty_dir(path).is_err());
    let names = |run: &str| {
        let name =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(run));
        disk.files().iter().filter(|path| name(path)).count()
    };
    assert_eq!(names("1-"), 0);
    assert!((0..200).all(|key| tree.remove(&number(key)).unwrap().is_some()));
    drop(tree);
    clear_spilled(&disk, path, 4).unwrap();
    assert!(disk.info(path).is_err(), "nothing is left");
    // Nothing was in it, and an older run took the folder away.
    drop(tree_of(&own));
}

type AllTold = Arc<Mutex<Vec<Told>>>;

/// A folder in which workers wait for space until it is said that they must not; what is told of that.
fn patient(disk: &SimDisk) -> (Arc<Folder>, Arc<AtomicBool>, AllTold) {
    let (hurry, told) = (Arc::new(AtomicBool::new(false)), AllTold::default());
    let (must, all) = (hurry.clone(), told.clone());
    let must = move || must.load(Ordering::SeqCst).then_some("; there is no time");
    let tell = move |told: &Told| all.lock().unwrap_or_else(PoisonError::into_inner).push(told.clone());
    let path = Path::new("/spilled");
    let folder = Folder::new(Arc::new(disk.clone()), path, 1, Box::new(must), Some(Arc::new(tell)));
    (folder.unwrap(), hurry, told)
}

/// Entries come and go in a tree, as in a map beside it.
fn come_and_go(folder: &Arc<Folder>, seed: u64) {
    let (mut tree, mut map, mut random) = (Tree::new(folder, 1_000), BTreeMap::new(), Random::new(seed));
    for step in 0..1_500 {
        let key = number(random.below(400)).to_vec();
        match random.below(3) {
            _ if step % 100 == 50 => crowd(&mut tree, &mut map, &mut random, 400),
            0 => assert_eq!(tree.remove(&key).unwrap(), map.remove(&key), "seed {seed}, step {step}"),
            _ => {
                let value = vec![step as u8; random.below(200) as usize];
                assert_eq!(tree.insert(&key, value.clone()).unwrap(), map.insert(key, value), "seed {seed}");
            }
        }
    }
    assert_eq!(all(tree.range(&[], None).unwrap()), map.into_iter().collect::<Vec<Pair>>(), "seed {seed}");
}

#[test]
fn whoever_finds_no_space_waits_for_it_and_nothing_is_lost_or_half_there() {
    let mut waited = 0;
    for seed in 0..40 {
        let simulation = Simulation::new(seed);
        let clock = simulation.clock();
        let told = simulation.run(move || {
            let disk = SimDisk::new(seed);
            let (folder, _, told) = patient(&disk);
            let workers = [1, 2].map(|worker| {
                let folder = folder.clone();
                flow_env::spawn("worker", move || come_and_go(&folder, seed * 2 + worker)).unwrap()
            });
            let mut random = Random::new(seed);
            for _ in 0..20 {
                disk.set_space(Some(disk.used() + random.below(1_000)));
                clock.sleep(Duration::from_micros(random.below(6_000)));
                disk.set_space(None);
                clock.sleep(Duration::from_micros(random.below(2_000)));
            }
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            assert_eq!(disk.files(), Vec::<PathBuf>::new(), "seed {seed}");
            std::mem::take(&mut *told.lock().unwrap())
        });
        for pair in told.chunks(2) {
            let [Told::Full { why, .. }, Told::Fits { .. }] = pair else { panic!("seed {seed}: {told:?}") };
            assert!(why.starts_with("/spilled: no space is left on the disk; make room"), "{why}");
            waited += 1;
        }
    }
    assert!(waited > 50, "{waited}");
}

/// Lets a worker wait for space, does something, and gives why it does not wait any more.
fn no_more(act: impl FnOnce(&SimDisk, &AtomicBool) + Send + 'static) -> String {
    Simulation::new(1).run(move || {
        let disk = SimDisk::new(1);
        let (folder, hurry, told) = patient(&disk);
        disk.set_space(Some(0));
        let worker = flow_env::spawn("worker", move || {
            let mut tree = Tree::new(&folder, 0);
            tree.insert(b"key", vec![1; 100]).unwrap_err().to_string()
        });
        let (rest, _) = flow_env::parker();
        while told.lock().unwrap().is_empty() {
            rest.park(Duration::from_millis(1));
        }
        act(&disk, &hurry);
        let why = worker.unwrap().join().unwrap();
        assert!(matches!(told.lock().unwrap()[..], [Told::Full { .. }]), "it does not go on");
        assert_eq!(disk.files(), Vec::<PathBuf>::new(), "what was half written is gone");
        why
    })
}

#[test]
fn whoever_waits_for_space_is_called_away_with_what_is_missing() {
    let why = no_more(|_, hurry| hurry.store(true, Ordering::SeqCst));
    assert!(why.contains("/spilled: no space is left") && why.ends_with("; there is no time"), "{why}");
}

#[test]
fn another_error_ends_the_wait_for_space() {
    let why = no_more(|disk, _| disk.fail_at(disk.operations()));
    assert_eq!(why, "state on disk: the disk failed");
}

#[test]
fn what_comes_in_crowds_and_goes_piles_up_nowhere() {
    let disk = SimDisk::new(1);
    let folder = folder(disk.clone());
    let mut tree = Tree::new(&folder, 10_000);
    for crowd in 0..100 {
        let keys = crowd * 1_000..(crowd + 1) * 1_000;
        let mut run = tree.begin_run(1_000).unwrap();
        keys.clone().for_each(|key| run.push(&number(key), &[1; 50]).unwrap());
        tree.end_run(run).unwrap();
        keys.filter(|key| key % 1_000 > 9)
            .for_each(|key| assert!(tree.remove(&number(key)).unwrap().is_some()));
    }
    assert_eq!(all(tree.range(&[], None).unwrap()).len(), 1_000);
    assert!(disk.used() < 1 << 20, "{} bytes for 64,000", disk.used());
    assert!(folder.open_now() < 30, "{} runs", folder.open_now());
}
