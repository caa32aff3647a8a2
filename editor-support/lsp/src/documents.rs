//! The texts an editor has open, and what the compiler says of them.

use crate::positions::{Encoding, Lines};
use crate::server::Read;
use flow_driver::{Compilation, LoadError, Options, compile};
use flow_syntax::{FileId, Span};
use lsp_types::{Location, TextDocumentContentChangeEvent, Uri};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

/// An open text.
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) lines: Lines,
    pub(crate) version: i32,
    path: PathBuf,
    compiled: Option<Rc<Compilation>>,
}

/// All open texts.
pub(crate) struct Documents {
    open: HashMap<String, Document>,
    pub(crate) encoding: Encoding,
    read: Box<Read>,
}

impl Documents {
    pub(crate) fn new(encoding: Encoding, read: Box<Read>) -> Documents {
        Documents { open: HashMap::new(), encoding, read }
    }

    pub(crate) fn open(&mut self, uri: &Uri, text: String, version: i32) {
        let lines = Lines::new(&text);
        let document = Document { text, lines, version, path: path(uri), compiled: None };
        self.open.insert(uri.to_string(), document);
        self.forget();
    }

    pub(crate) fn close(&mut self, uri: &Uri) {
        self.open.remove(&uri.to_string());
        self.forget();
    }

    /// Applies changes in order. A client that changes what it never opened is not believed.
    pub(crate) fn change(&mut self, uri: &Uri, changes: Vec<TextDocumentContentChangeEvent>, version: i32) {
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
        self.forget();
    }

    /// A change of one text may change what others import.
    fn forget(&mut self) {
        self.open.values_mut().for_each(|document| document.compiled = None);
    }

    pub(crate) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(&uri.to_string())
    }

    pub(crate) fn uris(&self) -> Vec<Uri> {
        self.open.keys().filter_map(|uri| Uri::from_str(uri).ok()).collect()
    }

    /// What the compiler says of an open text, as it is now.
    pub(crate) fn compiled(&mut self, uri: &Uri) -> Option<Rc<Compilation>> {
        let key = uri.to_string();
        let path = match self.open.get(&key)? {
            Document { compiled: Some(compiled), .. } => return Some(compiled.clone()),
            document => document.path.clone(),
        };
        let buffers: HashMap<&Path, &str> =
            self.open.values().map(|document| (document.path.as_path(), document.text.as_str())).collect();
        let read = &self.read;
        let mut loader = |path: &Path| -> Result<Vec<u8>, LoadError> {
            match buffers.get(path) {
                Some(text) => Ok(text.as_bytes().to_vec()),
                None => read(path),
            }
        };
        let compiled = Rc::new(compile(&mut loader, &path, &Options::default()).ok()?);
        self.open.get_mut(&key)?.compiled = Some(compiled.clone());
        Some(compiled)
    }

    /// A span of a compilation as a place an editor can go to.
    pub(crate) fn location(&self, uri: &Uri, compiled: &Compilation, span: Span) -> Option<Location> {
        let file = compiled.sources.file(span.file);
        let to = match span.file {
            FileId(0) => uri.clone(),
            _ => uri_of(Path::new(&file.name))?,
        };
        let range = Lines::new(&file.text).range(&file.text, span, self.encoding);
        Some(Location::new(to, range))
    }
}

/// The path of a `file:` address; of any other, its own text (it is only ever found among open texts).
fn path(uri: &Uri) -> PathBuf {
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

fn uri_of(path: &Path) -> Option<Uri> {
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
