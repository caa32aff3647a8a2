//! Scripts and what they import, as texts and trees. The disk is somebody else's: a [`Loader`].

use flow_syntax::ast::{DeclKind, Import, Program};
use flow_syntax::{Diagnostic, FileId, SourceFile, SourceMap, Span, codes};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Where texts come from: the disk, an editor's buffers, a test's table.
pub trait Loader {
    /// The bytes behind a path. Import paths are joined to the folder of the importing file.
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError>;

    /// What tells the file behind a path from all others: `a.flow` and `../here/a.flow` may be one. A loader that
    /// knows where it stands says so; the letters of the path are all that the others have.
    fn identity(&self, path: &Path) -> PathBuf {
        normal(path)
    }
}

impl<F: FnMut(&Path) -> Result<Vec<u8>, LoadError>> Loader for F {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        self(path)
    }
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There is no such file.
    Missing,
    /// There is one, and the system says why it cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Missing => f.write_str("there is no such file"),
            LoadError::Unreadable(why) => f.write_str(why),
        }
    }
}

/// What was read of each file before: an editor analyses the same files again and again.
#[derive(Debug, Default)]
pub struct Memories(HashMap<PathBuf, flow_syntax::Memory>);

impl Memories {
    /// What is known of a file.
    pub(crate) fn of(&self, path: &Path) -> Option<&flow_syntax::Memory> {
        self.0.get(&normal(path))
    }
}

/// Imported files at most: beyond that it is a mistake, not a program.
const FILES: usize = 1000;

/// All files of a script, parsed.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) sources: SourceMap,
    /// The script, then its imports, each once; in the order of their file ids.
    pub(crate) programs: Vec<Program>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Of each file, the files that it imports and where it says so.
    pub(crate) imports: Vec<Vec<(FileId, Span)>>,
}

struct Loading<'a> {
    loader: &'a mut dyn Loader,
    memory: Option<&'a mut Memories>,
    loaded: Loaded,
    /// Files by what tells them apart.
    known: HashMap<PathBuf, FileId>,
    paths: Vec<PathBuf>,
    /// Imports of each file, as they are found.
    edges: Vec<Vec<(FileId, Span)>>,
}

/// Loads a script and everything it imports, directly or not.
pub(crate) fn load(
    loader: &mut dyn Loader,
    path: &Path,
    memory: Option<&mut Memories>,
) -> Result<Loaded, LoadError> {
    let bytes = loader.load(path)?;
    let mut loading = Loading {
        loader,
        memory,
        loaded: Loaded::default(),
        known: HashMap::new(),
        paths: Vec::new(),
        edges: Vec::new(),
    };
    loading.add(path, &normal(path), &bytes);
    let mut next = 0;
    while next < loading.loaded.programs.len() {
        for import in imports(&loading.loaded.programs[next]) {
            loading.import(FileId(next as u16), &import);
        }
        next += 1;
    }
    loading.circles();
    loading.loaded.imports = loading.edges;
    Ok(loading.loaded)
}

fn imports(program: &Program) -> Vec<Import> {
    let of = |kind: &DeclKind| match kind {
        DeclKind::Import(import) => Some(import.clone()),
        _ => None,
    };
    program.decls.iter().filter_map(|decl| of(&decl.kind)).collect()
}

impl Loading<'_> {
    fn add(&mut self, shown: &Path, normal: &Path, bytes: &[u8]) -> FileId {
        let name = if shown == Path::new("-") { "<stdin>".to_string() } else { shown.display().to_string() };
        // Bytes that are no text are shown with the bad ones replaced; up to them offsets are the same.
        let file = self.loaded.sources.add(name, String::from_utf8_lossy(bytes));
        let identity = self.loader.identity(normal);
        self.loaded.sources.identify(file, identity.clone());
        self.known.insert(identity, file);
        self.paths.push(shown.to_path_buf());
        self.edges.push(Vec::new());
        let memory = self.memory.as_mut().map(|memory| memory.0.entry(normal.to_path_buf()).or_default());
        let (program, diagnostics) = flow_syntax::parse_bytes(file, bytes, memory);
        self.loaded.diagnostics.extend(diagnostics);
        self.loaded.programs.push(program);
        file
    }

    fn import(&mut self, from: FileId, import: &Import) {
        let folder = self.paths[from.0 as usize].parent().map(Path::to_path_buf).unwrap_or_default();
        let path = normal(&folder.join(&import.path));
        let file = match self.known.get(&self.loader.identity(&path)) {
            Some(file) => *file,
            None if self.loaded.programs.len() >= FILES => {
                let message = format!("more than {FILES} files are imported");
                self.report(Diagnostic::new(codes::BAD_IMPORT, import.path_span, message));
                return;
            }
            None => match self.loader.load(&path) {
                Ok(bytes) => self.add(&path, &path, &bytes),
                Err(error) => {
                    let bare = Path::new(&import.path).extension().is_none() && error == LoadError::Missing;
                    let whole = bare && self.loader.load(&path.with_extension("flow")).is_ok();
                    self.report(cannot_import(import, &path, &error, whole));
                    return;
                }
            },
        };
        self.edges[from.0 as usize].push((file, import.path_span));
    }

    /// A circle of imports is told once, at the import that closes it.
    fn circles(&mut self) {
        let (mut state, mut closing) = (vec![0u8; self.edges.len()], Vec::new());
        for start in 0..self.edges.len() {
            if state[start] != 0 {
                continue;
            }
            state[start] = 1;
            let mut path = vec![(start, 0)];
            while let Some((file, next)) = path.last_mut() {
                match self.edges[*file].get(*next) {
                    Some(&(to, span)) => {
                        *next += 1;
                        match state[to.0 as usize] {
                            0 => {
                                state[to.0 as usize] = 1;
                                path.push((to.0 as usize, 0));
                            }
                            1 => closing.push((to, span)),
                            _ => {}
                        }
                    }
                    None => {
                        state[*file] = 2;
                        path.pop();
                    }
                }
            }
        }
        for (to, span) in closing {
            let name = &self.loaded.sources.file(to).name;
            let message = if to == span.file {
                format!("`{name}` imports itself")
            } else {
                format!("the imports go round in a circle: `{name}` needs this file already")
            };
            self.report(
                Diagnostic::new(codes::CYCLE, span, message)
                    .at("this import closes the circle")
                    .help("move what both files need to a third one, and import that"),
            );
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.loaded.diagnostics.push(diagnostic);
    }
}

/// `whole` says that the file is there under the name with `.flow` behind it.
fn cannot_import(import: &Import, path: &Path, error: &LoadError, whole: bool) -> Diagnostic {
    // A folder on the way is no file: it is shown as it is written.
    let nameless = path.file_name().is_none();
    let shown = if nameless { import.path.clone() } else { path.display().to_string() };
    let looked = match Path::new(&import.path).is_absolute() {
        true => "not there",
        false => "looked for beside the importing file",
    };
    let diagnostic = match error {
        LoadError::Missing => Diagnostic::new(
            codes::BAD_IMPORT,
            import.path_span,
            format!("there is no file `{shown}` to import"),
        )
        .at(looked),
        LoadError::Unreadable(why) => Diagnostic::new(
            codes::BAD_IMPORT,
            import.path_span,
            format!("`{shown}` cannot be imported: {why}"),
        ),
    };
    if whole {
        return diagnostic.with_fix(
            "write the whole file name",
            import.path_span,
            format!("\"{}.flow\"", import.path),
            flow_syntax::Applicability::MaybeIncorrect,
        );
    }
    diagnostic
}

/// What tells a loaded file from all others: what its loader said.
pub fn identity(file: &SourceFile) -> PathBuf {
    file.identity.clone().unwrap_or_else(|| normal(Path::new(&file.name)))
}

/// `a/./b/../c` → `a/c`, by the letters alone; leading `..` stay.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
