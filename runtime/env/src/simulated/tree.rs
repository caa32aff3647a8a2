//! The files and folders of a simulated disk: as they are, and as they are on the platter.
//!
//! Between the two stand changes of names, each of which is on the platter as a whole or not: a rename is never half there.
//! (File systems have a journal for that; without it no file could be put in its place safely.)

use crate::disk::{DirEntry, FileInfo};
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Bytes that reach the platter together.
const SECTOR: usize = 512;

type Names = BTreeMap<OsString, usize>;

enum Node {
    File { now: Vec<u8>, durable: Vec<u8>, lost: bool },
    Dir { now: Names, durable: Names },
}

pub(super) struct Tree {
    random: Random,
    /// The root comes first. What no name leads to any more stays; disks of tests are small.
    nodes: Vec<Node>,
    /// Changes of names that are not on the platter.
    pending: Vec<Change>,
}

/// A name in a folder.
type Place = (usize, OsString);

#[derive(Debug)]
enum Change {
    Link(Place, usize),
    Unlink(Place),
    Move { from: Place, to: Place, node: usize },
}

impl Change {
    fn touches(&self, dir: usize) -> bool {
        match self {
            Change::Link((at, _), _) | Change::Unlink((at, _)) => *at == dir,
            Change::Move { from, to, .. } => from.0 == dir || to.0 == dir,
        }
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Tree {
    pub(super) fn new(seed: u64) -> Tree {
        let root = Node::Dir { now: Names::new(), durable: Names::new() };
        Tree { random: Random::new(seed), nodes: vec![root], pending: Vec::new() }
    }

    /// The same files, all durable, and nothing else.
    pub(super) fn settled(&self, seed: u64) -> Tree {
        let mut tree = Tree { random: Random::new(seed), nodes: Vec::new(), pending: Vec::new() };
        self.copy_into(0, &mut tree.nodes);
        tree
    }

    fn copy_into(&self, node: usize, nodes: &mut Vec<Node>) -> usize {
        let number = nodes.len();
        match &self.nodes[node] {
            Node::File { now, .. } => {
                nodes.push(Node::File { now: now.clone(), durable: now.clone(), lost: false });
            }
            Node::Dir { now, .. } => {
                nodes.push(Node::Dir { now: Names::new(), durable: Names::new() });
                let names: Names =
                    now.iter().map(|(name, node)| (name.clone(), self.copy_into(*node, nodes))).collect();
                nodes[number] = Node::Dir { now: names.clone(), durable: names };
            }
        }
        number
    }

    /// The names that lead to a path: without root, `.` and `..`.
    fn names(path: &Path) -> Vec<OsString> {
        let mut names = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => names.push(name.to_os_string()),
                Component::ParentDir => drop(names.pop()),
                _ => {}
            }
        }
        names
    }

    fn find(&self, names: &[OsString]) -> io::Result<usize> {
        names.iter().try_fold(0, |dir, name| self.dir(dir)?.get(name).copied().ok_or_else(not_found))
    }

    fn dir(&self, node: usize) -> io::Result<&Names> {
        match &self.nodes[node] {
            Node::Dir { now, .. } => Ok(now),
            Node::File { .. } => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    fn dir_mut(&mut self, node: usize) -> io::Result<&mut Names> {
        match &mut self.nodes[node] {
            Node::Dir { now, .. } => Ok(now),
            Node::File { .. } => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    /// A path's folder, and its name in it.
    fn place(&self, path: &Path) -> io::Result<(usize, OsString)> {
        let mut names = Tree::names(path);
        let name = names.pop().ok_or_else(not_found)?;
        Ok((self.find(&names)?, name))
    }

    fn add(&mut self, dir: usize, name: OsString, node: Node) -> io::Result<usize> {
        let number = self.nodes.len();
        self.dir_mut(dir)?.insert(name.clone(), number);
        self.nodes.push(node);
        self.pending.push(Change::Link((dir, name), number));
        Ok(number)
    }

    /// The file that a path leads to.
    pub(super) fn file(&self, path: &Path) -> io::Result<usize> {
        let node = self.find(&Tree::names(path))?;
        match &self.nodes[node] {
            Node::File { .. } => Ok(node),
            Node::Dir { .. } => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        }
    }

    pub(super) fn bytes(&self, file: usize) -> &[u8] {
        match &self.nodes[file] {
            Node::File { now, .. } => now,
            Node::Dir { .. } => &[],
        }
    }

    pub(super) fn create(&mut self, path: &Path, empty: bool) -> io::Result<usize> {
        let (dir, name) = self.place(path)?;
        match self.dir(dir)?.get(&name).copied() {
            None => {
                let file = Node::File { now: Vec::new(), durable: Vec::new(), lost: false };
                self.add(dir, name, file)
            }
            Some(node) => match &mut self.nodes[node] {
                Node::File { now, .. } => {
                    if empty {
                        now.clear();
                    }
                    Ok(node)
                }
                Node::Dir { .. } => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            },
        }
    }

    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().ok_or_else(not_found)?;
        self.create_dir_all(folder)?;
        // The folders are durable, too, and what else is on its way to a name of theirs.
        let mut at = 0;
        for name in Tree::names(folder) {
            let below = self.dir(at)?.get(&name).copied().ok_or_else(not_found)?;
            self.settle(&(at, name.clone()));
            self.durable(at).insert(name, below);
            at = below;
        }
        let node = self.create(path, true)?;
        self.nodes[node] = Node::File { now: bytes.to_vec(), durable: bytes.to_vec(), lost: false };
        let (dir, name) = self.place(path)?;
        self.settle(&(dir, name.clone()));
        self.durable(dir).insert(name, node);
        Ok(())
    }

    pub(super) fn take(&mut self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.place(path)?;
        self.settle(&(dir, name.clone()));
        self.durable(dir).remove(&name);
        self.dir_mut(dir)?.remove(&name).ok_or_else(not_found).map(|_| ())
    }

    /// Whatever was on its way to a name, it is not any more.
    fn settle(&mut self, place: &Place) {
        self.pending.retain(|change| match change {
            Change::Link(at, _) | Change::Unlink(at) => at != place,
            Change::Move { from, to, .. } => from != place && to != place,
        });
    }

    /// The names of a folder on the platter.
    fn durable(&mut self, dir: usize) -> &mut Names {
        match &mut self.nodes[dir] {
            Node::Dir { durable, .. } => durable,
            Node::File { .. } => unreachable!("names stand in folders only"),
        }
    }

    /// Puts a change on the platter.
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Link((dir, name), node) => drop(self.durable(*dir).insert(name.clone(), *node)),
            Change::Unlink((dir, name)) => drop(self.durable(*dir).remove(name)),
            Change::Move { from, to, node } => {
                if self.durable(from.0).get(&from.1) == Some(node) {
                    self.durable(from.0).remove(&from.1);
                }
                self.durable(to.0).insert(to.1.clone(), *node);
            }
        }
    }

    pub(super) fn write(&mut self, file: usize, bytes: &[u8]) {
        if let Node::File { now, .. } = &mut self.nodes[file] {
            now.extend_from_slice(bytes);
        }
    }

    pub(super) fn cut(&mut self, file: usize, len: usize) {
        if let Node::File { now, .. } = &mut self.nodes[file] {
            now.truncate(len);
        }
    }

    pub(super) fn sync(&mut self, file: usize) {
        if let Node::File { now, durable, lost: false } = &mut self.nodes[file] {
            durable.clone_from(now);
        }
    }

    /// A sync failed: nothing of this file is ever made durable again.
    pub(super) fn lose(&mut self, file: usize) {
        if let Node::File { lost, .. } = &mut self.nodes[file] {
            *lost = true;
        }
    }

    pub(super) fn info(&self, path: &Path) -> io::Result<FileInfo> {
        Ok(self.info_of(self.find(&Tree::names(path))?))
    }

    fn info_of(&self, node: usize) -> FileInfo {
        match &self.nodes[node] {
            Node::File { now, .. } => FileInfo { len: now.len() as u64, is_dir: false, is_file: true },
            Node::Dir { .. } => FileInfo { len: 0, is_dir: true, is_file: false },
        }
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let names = self.dir(self.find(&Tree::names(dir))?)?;
        Ok(names
            .iter()
            .map(|(name, node)| DirEntry { path: dir.join(name), info: self.info_of(*node) })
            .collect())
    }

    pub(super) fn create_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        let mut at = 0;
        for name in Tree::names(dir) {
            at = match self.dir(at)?.get(&name) {
                Some(node) => *node,
                None => self.add(at, name, Node::Dir { now: Names::new(), durable: Names::new() })?,
            };
        }
        self.dir(at).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_dir, from_name) = self.place(from)?;
        let (to_dir, to_name) = self.place(to)?;
        if let Some(Node::Dir { now, .. }) = self.dir(to_dir)?.get(&to_name).map(|node| &self.nodes[*node])
            && !now.is_empty()
        {
            return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
        }
        let node = self.dir_mut(from_dir)?.remove(&from_name).ok_or_else(not_found)?;
        self.dir_mut(to_dir)?.insert(to_name.clone(), node);
        self.pending.push(Change::Move { from: (from_dir, from_name), to: (to_dir, to_name), node });
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.place(path)?;
        self.dir_mut(dir)?.remove(&name).ok_or_else(not_found)?;
        self.pending.push(Change::Unlink((dir, name)));
        Ok(())
    }

    pub(super) fn remove_empty_dir(&mut self, path: &Path) -> io::Result<()> {
        match self.dir(self.find(&Tree::names(path))?)?.is_empty() {
            true => self.remove(path),
            false => Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty)),
        }
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let node = self.find(&Tree::names(dir))?;
        self.dir(node)?;
        let pending = std::mem::take(&mut self.pending);
        // What is moved to a new folder takes the folder along.
        let mut needed = BTreeSet::new();
        for change in pending.iter().rev() {
            match change {
                Change::Move { to, .. } if change.touches(node) && to.0 != node => drop(needed.insert(to.0)),
                Change::Link(at, dir) if needed.contains(dir) => drop(needed.insert(at.0)),
                _ => {}
            }
        }
        for change in pending {
            let taken = matches!(&change, Change::Link(_, dir) if needed.contains(dir));
            match taken || change.touches(node) {
                true => self.apply(&change),
                false => self.pending.push(change),
            }
        }
        Ok(())
    }

    /// Is a folder on the platter?
    fn lasts(&self, dir: usize) -> bool {
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            if at == dir {
                return true;
            }
            if let Node::Dir { durable, .. } = &self.nodes[at] {
                open.extend(durable.values());
            }
        }
        false
    }

    /// Bytes of all files that a name leads to.
    pub(super) fn used(&self) -> u64 {
        let reached = self.reached();
        reached.into_iter().map(|(_, node)| self.bytes(node).len() as u64).sum()
    }

    /// Bytes of all files in a folder and below.
    pub(super) fn used_in(&self, folder: &Path) -> u64 {
        self.below(folder).map(|node| self.bytes(node).len() as u64).sum()
    }

    /// Is a file in a folder, or below?
    pub(super) fn is_in(&self, folder: &Path, file: usize) -> bool {
        self.below(folder).any(|node| node == file)
    }

    fn below(&self, folder: &Path) -> impl Iterator<Item = usize> {
        let reached = self.reached().into_iter();
        reached.filter(move |(path, _)| path.starts_with(folder)).map(|(_, node)| node)
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.reached().into_iter().map(|(path, _)| path).collect()
    }

    fn reached(&self) -> Vec<(PathBuf, usize)> {
        let (mut found, mut open) = (Vec::new(), vec![(PathBuf::from("/"), 0)]);
        while let Some((path, node)) = open.pop() {
            match &self.nodes[node] {
                Node::File { .. } => found.push((path, node)),
                Node::Dir { now, .. } => open.extend(now.iter().map(|(name, node)| (path.join(name), *node))),
            }
        }
        found.sort();
        found
    }

    /// Everything becomes what is on the platter, and of what is on its way there, some.
    pub(super) fn crash(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            let whole = match &change {
                Change::Move { from, to, node } => {
                    self.durable(from.0).get(&from.1) == Some(node) && self.lasts(to.0)
                }
                _ => true,
            };
            if whole && self.random.below(2) == 0 {
                self.apply(&change);
            }
        }
        let random = &mut self.random;
        for node in &mut self.nodes {
            match node {
                Node::Dir { now, durable } => now.clone_from(durable),
                Node::File { now, durable, .. } => {
                    let torn = torn(random, now, durable);
                    *node = Node::File { now: torn.clone(), durable: torn, lost: false };
                }
            }
        }
    }
}

/// Sector by sector the new bytes or the old ones; where the file grew, perhaps nothing but zeros, perhaps not at all.
fn torn(random: &mut Random, now: &[u8], durable: &[u8]) -> Vec<u8> {
    if now == durable || random.below(3) == 0 {
        return durable.to_vec();
    }
    if random.below(2) == 0 {
        return now.to_vec();
    }
    let len = match random.below(3) {
        0 => now.len(),
        1 => durable.len(),
        _ => random.below(now.len() as u64 + 1) as usize,
    };
    let mut bytes = vec![0; len];
    for (number, sector) in bytes.chunks_mut(SECTOR).enumerate() {
        let from = if random.below(2) == 0 { now } else { durable };
        let from = from.get(number * SECTOR..).unwrap_or_default();
        let len = from.len().min(sector.len());
        sector[..len].copy_from_slice(&from[..len]);
    }
    bytes
}
