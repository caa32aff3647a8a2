//! The texts an editor has open, and what the compiler says of them.

use crate::capabilities::Client;
use crate::positions::{Encoding, Lines};
use flow_driver::{Compilation, LoadError, Loader, Memories, Options, analyse_again, editor, identity};
use flow_syntax::{FileId, Span};
use lsp_types::{Location, SemanticToken, TextDocumentContentChangeEvent, Uri};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

/// The files that are not open in the editor.
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError>;
    /// The scripts in a folder and those below it.
    fn scripts(&self, folder: &Path) -> Vec<PathBuf>;
    /// The fields of a data file and their types; none if it cannot be read.
    fn fields(&self, _: &Path) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The one path of a file that may be reached by several, through links.
    fn real(&self, path: &Path) -> PathBuf {
        flow_driver::normal(path)
    }
}

/// Texts from buffers or files, which are told apart as the disk does.
struct Texts<'a, F> {
    load: F,
    files: &'a dyn Files,
}

impl<F: FnMut(&Path) -> Result<Vec<u8>, LoadError>> Loader for Texts<'_, F> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        (self.load)(path)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        self.files.real(path)
    }
}

/// An open text.
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) lines: Lines,
    pub(crate) version: Option<i32>,
    pub(crate) path: PathBuf,
    /// Where the file really is, if links lead to it.
    real: PathBuf,
    compiled: Option<Rc<Compilation>>,
    /// What was known before the last edits: most of it holds still.
    before: Option<Rc<Compilation>>,
    /// What was read to compile it, whether it was there or not: a change of these changes what is known of it.
    asked: HashSet<PathBuf>,
    /// Has the client been told of it as it is now?
    pub(crate) told: bool,
    /// The colours the client has, with their name.
    colours: Option<(String, Vec<SemanticToken>)>,
}

/// All open texts, and the folders they lie in.
pub(crate) struct Documents {
    open: HashMap<String, Document>,
    pub(crate) encoding: Encoding,
    pub(crate) client: Client,
    pub(crate) files: Box<dyn Files>,
    pub(crate) folders: Vec<PathBuf>,
    /// What was read of the files before.
    pub(crate) memory: RefCell<Memories>,
    /// Analyses that nobody needs any more: they are let go when nobody waits, because that takes time too.
    old: Vec<Rc<Compilation>>,
    /// What the person is told beside the answers.
    pub(crate) news: Vec<String>,
    /// Answers with a name so far.
    named: u64,
}

impl Documents {
    pub(crate) fn new(encoding: Encoding, client: Client, files: Box<dyn Files>) -> Documents {
        Documents {
            open: HashMap::new(),
            encoding,
            client,
            files,
            folders: Vec::new(),
            memory: RefCell::default(),
            old: Vec::new(),
            news: Vec::new(),
            named: 0,
        }
    }

    pub(crate) fn open(&mut self, uri: &Uri, text: String, version: Option<i32>) {
        let lines = Lines::new(&text);
        let path = path(uri);
        self.forget_file(&path);
        let document = Document {
            text,
            lines,
            version,
            real: self.files.real(&path),
            path,
            compiled: None,
            before: None,
            asked: HashSet::new(),
            told: false,
            colours: None,
        };
        self.open.insert(uri.to_string(), document);
    }

    pub(crate) fn close(&mut self, uri: &Uri) {
        if let Some(document) = self.open.remove(&uri.to_string()) {
            // From now on the file on the disk counts.
            self.forget_file(&document.path);
        }
    }

    /// Applies changes in order. A client that changes what it never opened is not believed.
    pub(crate) fn change(
        &mut self,
        uri: &Uri,
        changes: Vec<TextDocumentContentChangeEvent>,
        version: Option<i32>,
    ) {
        let encoding = self.encoding;
        let Some(document) = self.open.get_mut(&uri.to_string()) else { return };
        for change in changes {
            match change.range {
                None => document.text = change.text,
                Some(range) => {
                    let start = document.lines.offset(&document.text, range.start, encoding);
                    let end = document.lines.offset(&document.text, range.end, encoding).max(start);
                    document.text.replace_range(start..end, &change.text);
                }
            }
            document.lines = Lines::new(&document.text);
        }
        document.version = version;
        let path = document.path.clone();
        self.forget(&path);
    }

    /// An open text changed: nothing is known any more of the texts that read it.
    fn forget(&mut self, path: &Path) {
        let real = self.files.real(path);
        self.forget_those(|d| d.path == path || d.asked.contains(path) || d.asked.contains(&real));
    }

    /// The same of a file that may not have been there before: then nobody knew that a link would lead to it.
    pub(crate) fn forget_file(&mut self, path: &Path) {
        let real = self.files.real(path);
        let leads = |asked: &PathBuf| asked == path || *asked == real || self.files.real(asked) == real;
        let reads = |d: &&Document| d.path == path || d.asked.iter().any(leads);
        let readers: HashSet<PathBuf> = self.open.values().filter(reads).map(|d| d.path.clone()).collect();
        self.forget_those(|d| readers.contains(&d.path));
    }

    fn forget_those(&mut self, reads: impl Fn(&Document) -> bool) {
        for document in self.open.values_mut().filter(|d| reads(d)) {
            if let Some(compiled) = document.compiled.take() {
                self.old.extend(document.before.replace(compiled));
            }
            document.told = false;
        }
    }

    /// What nobody needs any more.
    pub(crate) fn let_go(&mut self, all: impl IntoIterator<Item = Rc<Compilation>>) {
        // What others hold too is needed still.
        self.old.extend(all.into_iter().filter(|compiled| Rc::strong_count(compiled) == 1));
    }

    /// Lets go what nobody needs.
    pub(crate) fn tidy(&mut self) {
        self.old.clear();
    }

    pub(crate) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(&uri.to_string())
    }

    /// The open texts the client has not been told of as they are now.
    pub(crate) fn untold(&mut self) -> Vec<Uri> {
        let mut all: Vec<&String> = self.open.iter().filter(|(_, d)| !d.told).map(|(uri, _)| uri).collect();
        all.sort();
        let all: Vec<Uri> = all.into_iter().filter_map(|uri| Uri::from_str(uri).ok()).collect();
        self.open.values_mut().for_each(|document| document.told = true);
        all
    }

    /// The open texts with their paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.open.values().map(|document| document.path.as_path())
    }

    /// The open text of a file: the one that was opened by this path, or by another that leads to it.
    fn buffer(&self, path: &Path) -> Option<&Document> {
        let named = self.open.values().find(|document| document.path == path);
        named.or_else(|| {
            let real = self.files.real(path);
            self.open.values().find(|document| document.real == real)
        })
    }

    /// The path a client knows a file by, of which the loader says where it really is.
    pub(crate) fn known_as(&self, real: &Path) -> PathBuf {
        let inside = |folder: &PathBuf| Some(folder.join(real.strip_prefix(self.files.real(folder)).ok()?));
        let plain = self.folders.iter().find_map(inside).unwrap_or_else(|| real.to_path_buf());
        // The one that is open; of several, the one that is no link.
        let open = self.open.values().filter(|document| document.real == real);
        let open = open.min_by_key(|document| (document.path != plain, &document.path));
        open.map_or(plain.clone(), |document| document.path.clone())
    }

    /// Is this the path a client knows a file by, and no other that leads to it?
    pub(crate) fn is_known_so(&self, path: &Path) -> bool {
        self.known_as(&self.files.real(path)) == path
    }

    /// The text of a file as the editor has it, or as it is on the disk.
    pub(crate) fn text_of(&self, path: &Path) -> Option<String> {
        match self.buffer(path) {
            Some(document) => Some(document.text.clone()),
            None => Some(String::from_utf8_lossy(&self.files.read(path).ok()?).into_owned()),
        }
    }

    /// What the compiler says of an open text, as it is now.
    pub(crate) fn compiled(&mut self, uri: &Uri) -> Option<Rc<Compilation>> {
        let key = uri.to_string();
        let document = self.open.get_mut(&key)?;
        if let Some(compiled) = &document.compiled {
            return Some(compiled.clone());
        }
        let path = document.path.clone();
        let mut before = document.before.take();
        let (compiled, asked) = self.compile_again(&path, before.as_mut().and_then(Rc::get_mut))?;
        self.old.extend(before);
        let document = self.open.get_mut(&key)?;
        document.compiled = Some(compiled.clone());
        document.asked = asked;
        Some(compiled)
    }

    /// Compiles a file, open or not; and all that was read for it.
    pub(crate) fn compile(&self, path: &Path) -> Option<(Rc<Compilation>, HashSet<PathBuf>)> {
        self.compile_again(path, None)
    }

    /// The same, with what was known of it before.
    fn compile_again(
        &self,
        path: &Path,
        before: Option<&mut Compilation>,
    ) -> Option<(Rc<Compilation>, HashSet<PathBuf>)> {
        let asked = RefCell::new(HashSet::new());
        let load = |path: &Path| -> Result<Vec<u8>, LoadError> {
            asked.borrow_mut().extend([path.to_path_buf(), self.files.real(path)]);
            match self.buffer(path) {
                Some(document) => Ok(document.text.as_bytes().to_vec()),
                None => self.files.read(path),
            }
        };
        let mut loader = Texts { load, files: &*self.files };
        let mut memory = self.memory.borrow_mut();
        let compiled =
            analyse_again(&mut loader, path, &Options::default(), Some(&mut memory), before).ok()?;
        Some((Rc::new(compiled), asked.into_inner()))
    }

    /// A script as it is and as it would be behind these changes. Of a long one that the changes reach only in part, that
    /// part alone, both times.
    pub(crate) fn trial(
        &self,
        path: &Path,
        before: &Rc<Compilation>,
        changes: &editor::Changes,
        words: [&str; 2],
    ) -> Option<(Rc<Compilation>, Compilation)> {
        let reach = editor::reached(before, changes, words);
        if reach.is_small {
            let only = |path: &Path, text: String| reach.only(&self.files.real(path), text);
            let new = |path: &Path, text: String| changes.applied(&self.files.real(path), only(path, text));
            // A part that is wrong by itself says nothing of the whole.
            let part = self.compile_with(path, &only, None);
            let part = part.filter(|part| editor::is_as_right(part, before));
            if let Some(part) = part {
                return Some((Rc::new(part), self.compile_with(path, &new, None)?));
            }
        }
        let new = |path: &Path, text: String| changes.applied(&self.files.real(path), text);
        Some((before.clone(), self.compile_as(path, before, &new)?))
    }

    /// Compiles a file as if it and what it reads had other texts.
    pub(crate) fn compile_as(
        &self,
        path: &Path,
        before: &Compilation,
        new: &dyn Fn(&Path, String) -> String,
    ) -> Option<Compilation> {
        self.compile_with(path, new, Some(before))
    }

    /// The same; without what was known before, nothing is remembered either.
    fn compile_with(
        &self,
        path: &Path,
        new: &dyn Fn(&Path, String) -> String,
        before: Option<&Compilation>,
    ) -> Option<Compilation> {
        let load = |path: &Path| -> Result<Vec<u8>, LoadError> {
            let bytes = match self.buffer(path) {
                Some(document) => document.text.as_bytes().to_vec(),
                None => self.files.read(path)?,
            };
            // What is no text stays what it is, and is told as that.
            match String::from_utf8(bytes) {
                Ok(text) => Ok(new(path, text).into_bytes()),
                Err(error) => Ok(error.into_bytes()),
            }
        };
        let mut texts = Texts { load, files: &*self.files };
        let (mut before, mut memory) = (before.map(Compilation::to_go_on), self.memory.borrow_mut());
        let memory = before.is_some().then_some(&mut *memory);
        analyse_again(&mut texts, path, &Options::default(), memory, before.as_mut()).ok()
    }

    /// Keeps colours for the client's next question; their name.
    pub(crate) fn remember(&mut self, uri: &Uri, colours: Vec<SemanticToken>) -> Option<String> {
        self.named += 1;
        let name = self.named.to_string();
        self.open.get_mut(&uri.to_string())?.colours = Some((name.clone(), colours));
        Some(name)
    }

    /// The colours of this name.
    pub(crate) fn remembered(&mut self, uri: &Uri, name: &str) -> Option<Vec<SemanticToken>> {
        let colours = &mut self.open.get_mut(&uri.to_string())?.colours;
        match colours.take() {
            Some((known, colours)) if known == name => Some(colours),
            _ => None,
        }
    }

    /// A range of the protocol in bytes of an open text.
    pub(crate) fn bytes(&self, uri: &Uri, range: lsp_types::Range) -> Option<std::ops::Range<usize>> {
        let document = self.get(uri)?;
        let at = |position| document.lines.offset(&document.text, position, self.encoding);
        let start = at(range.start);
        Some(start..at(range.end).max(start))
    }

    /// A span of a compilation as a place an editor can go to.
    pub(crate) fn location(&self, uri: &Uri, compiled: &Compilation, span: Span) -> Option<Location> {
        let file = compiled.sources.file(span.file);
        let to = match (span.file, self.get(uri)) {
            // The lines of an open text are known; a long script has thousands of places.
            (FileId(0), Some(document)) => {
                let range = document.lines.range(&document.text, span, self.encoding);
                return Some(Location::new(uri.clone(), range));
            }
            (FileId(0), None) => uri.clone(),
            _ => self.uri_for(&self.known_as(&identity(file)))?,
        };
        let range = Lines::new(&file.text).range(&file.text, span, self.encoding);
        Some(Location::new(to, range))
    }
}

impl Documents {
    /// The address of a file: the one the client opened it by, if it is open.
    pub(crate) fn uri_for(&self, path: &Path) -> Option<Uri> {
        match self.open.iter().find(|(_, document)| document.path == path) {
            Some((uri, _)) => Uri::from_str(uri).ok(),
            None => uri_of(path),
        }
    }
}

/// Does the address name a file, and no text that only the editor has?
pub(crate) fn is_file(uri: &Uri) -> bool {
    uri.to_string().starts_with("file:")
}

/// The path of a `file:` address; of any other, its own text (it is only ever found among open texts).
pub(crate) fn path(uri: &Uri) -> PathBuf {
    let text = uri.to_string();
    let Some(rest) = text.strip_prefix("file://") else { return PathBuf::from(text) };
    let rest = &rest[rest.find('/').unwrap_or(0)..];
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.as_bytes();
    while let Some((&first, others)) = left.split_first() {
        let code = others.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.filter(|_| first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                left = &others[2..];
            }
            None => {
                bytes.push(first);
                left = others;
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

pub(crate) fn uri_of(path: &Path) -> Option<Uri> {
    let mut out = String::from("file://");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_paths_and_paths_addresses() {
        let uri = Uri::from_str("file:///srv/a%20b/%C3%A9.flow").unwrap();
        assert_eq!(path(&uri), Path::new("/srv/a b/é.flow"));
        assert_eq!(uri_of(Path::new("/srv/a b/é.flow")), Some(uri));
        assert_eq!(path(&Uri::from_str("untitled:Untitled-1").unwrap()), Path::new("untitled:Untitled-1"));
    }
}
