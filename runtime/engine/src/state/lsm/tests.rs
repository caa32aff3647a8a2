use super::range::Pair;
use super::*;
use flow_env::{Disk, Random, RealDisk, SimDisk};
use std::path::{Path, PathBuf};

fn folder(disk: impl Disk + 'static) -> Arc<Folder> {
    Folder::new(Arc::new(disk), Path::new("/spilled")).unwrap()
}

fn all(range: Range<'_>) -> Vec<Pair> {
    range.map(Result::unwrap).collect()
}

/// A key of one of two lengths, so that one may be the beginning of another.
fn key(random: &mut Random, keys: u64) -> Vec<u8> {
    let key = random.below(keys).to_be_bytes();
    key[..if random.below(4) == 0 { 7 } else { 8 }].to_vec()
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
    let folder = Folder::new(Arc::new(RealDisk), &path).unwrap();
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
