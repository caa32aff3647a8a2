//! Scripts from the disk, compiled; files written back. The compiler itself never touches the disk.

use crate::args::{LintLevels, Params};
use crate::output;
use crate::status::Stop;
use flow_driver::{Compilation, Levels, LoadError, Loader, Options};
use flow_env::Env;
use flow_syntax::Code;
use std::collections::{HashSet, VecDeque};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a script is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_string() } else { path.display().to_string() }
}

/// `-` is standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The bytes of a script.
pub(crate) fn read(path: &Path, env: &Env) -> Result<Vec<u8>, LoadError> {
    if is_data(path) && env.disk.info(path).is_ok() {
        let named = path.display();
        return Err(LoadError::Unreadable(format!("it is data; `flow infer {named}` prints a type for it")));
    }
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        env.disk.read(path)
    };
    bytes.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => LoadError::Missing,
        io::ErrorKind::IsADirectory => LoadError::Unreadable("it is a folder".to_string()),
        io::ErrorKind::PermissionDenied => LoadError::Unreadable("permission denied".to_string()),
        _ => LoadError::Unreadable(e.to_string()),
    })
}

/// Is it a file that a script reads? By its name alone: nobody calls a script `rows.csv`.
fn is_data(path: &Path) -> bool {
    const ENDS: [&str; 9] = ["csv", "tsv", "json", "jsonl", "ndjson", "parquet", "avro", "gz", "zst"];
    path.extension().is_some_and(|end| ENDS.iter().any(|data| end.eq_ignore_ascii_case(data)))
}

/// Folders that are looked into below one that is named; of a tree with more, only a part is seen.
const FOLDERS: usize = 1_000;

/// The scripts in a folder and those below it, by path; hidden folders and what build tools make is left out.
fn in_folder(folder: &Path, env: &Env) -> Found {
    below(folder, env, is_shown)
}

/// What was found below a folder.
#[derive(Default)]
struct Found {
    scripts: Vec<PathBuf>,
    /// Folders that build tools make: they were not looked into.
    left_out: Vec<PathBuf>,
    /// Were there too many folders to look into all of them?
    cut: bool,
}

/// The same with hidden folders, but for those of version control and of jobs' states: what a name is used in.
pub(crate) fn in_folder_and_hidden(folder: &Path, env: &Env) -> Vec<PathBuf> {
    below(folder, env, |name| !is_made(name) && !matches!(name, ".git" | ".hg" | ".svn" | ".jj" | ".flow"))
        .scripts
}

fn below(folder: &Path, env: &Env, looked_into: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    // Hidden ones come last: where there are too many, it is theirs that are not seen.
    let mut open = VecDeque::from([folder.to_path_buf()]);
    let mut looked = 0;
    while let Some(folder) = open.pop_front().filter(|_| looked < FOLDERS) {
        looked += 1;
        // A folder that cannot be listed holds nothing that could be shown.
        for entry in env.disk.list(&folder).unwrap_or_default() {
            let name =
                entry.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match entry.info.is_dir {
                true if looked_into(&name) && name.starts_with('.') => open.push_back(entry.path),
                true if looked_into(&name) => open.push_front(entry.path),
                true if is_made(&name) => found.left_out.push(entry.path),
                false if name.ends_with(".flow") => found.scripts.push(entry.path),
                _ => {}
            }
        }
    }
    found.cut = !open.is_empty();
    found.scripts.sort();
    found.left_out.sort();
    found
}

/// Is a folder looked into? Hidden ones and what build tools make are not.
pub(crate) fn is_shown(name: &str) -> bool {
    !name.starts_with('.') && !is_made(name)
}

/// Do build tools make folders of this name?
fn is_made(name: &str) -> bool {
    matches!(name, "target" | "node_modules")
}

/// What the command line names: each file as it is, each folder as the scripts in it; what is named twice, once. Nothing is
/// missing where a path was `gone`.
pub(crate) fn all(named: &[PathBuf], env: &Env, gone: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Stop> {
    let mut all = Vec::new();
    for path in named {
        let info = env.disk.info(path);
        if is_stdin(path) || !info.as_ref().is_ok_and(|info| info.is_dir) {
            if is_stdin(path) || info.is_ok() || !gone(path) {
                all.push(path.clone());
            }
            continue;
        }
        let found = in_folder(path, env);
        say_unseen(path, &found, named, env);
        if found.scripts.is_empty() && !gone(path) {
            return Err(Stop::outside(format!("there are no scripts in the folder `{}`", path.display())));
        }
        all.extend(found.scripts.iter().map(|script| short(script)));
    }
    if all.len() > 1 {
        let mut known = HashSet::new();
        all.retain(|path| known.insert(real(path, env)));
    }
    Ok(all)
}

/// In the folder where one is, a script goes by its name.
fn short(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_path_buf()
}

/// Says what was not looked into though there are scripts; those who want it name it.
fn say_unseen(folder: &Path, found: &Found, named: &[PathBuf], env: &Env) {
    for left_out in found.left_out.iter().filter(|folder| !named.contains(&short(folder))) {
        let count = in_folder(left_out, env).scripts.len();
        if count > 0 {
            let (scripts, were) = if count == 1 { ("a script", "is") } else { ("scripts", "are") };
            let shown = short(left_out);
            output::say(&format!(
                "note: {scripts} in `{}` {were} left out: name the folder to have it looked at\n",
                shown.display()
            ));
        }
    }
    if found.cut {
        output::say(&format!(
            "note: only the first {FOLDERS} folders in `{}` were looked into: name those that hold scripts\n",
            folder.display()
        ));
    }
}

/// Why a script on the command line cannot be read: exit status 2.
pub(crate) fn cannot_read(path: &Path, error: &LoadError) -> Stop {
    let shown = name(path);
    let wrong = match error {
        LoadError::Missing => format!("there is no file `{shown}`"),
        LoadError::Unreadable(why) => format!("`{shown}` cannot be read: {why}"),
    };
    Stop::outside(match nearby(path, &Env::real()).as_slice() {
        [] => wrong,
        scripts => format!("{wrong}\n  help: did you mean {}?", scripts.join(" or ")),
    })
}

/// Names of scripts that are named at most.
const NAMES: usize = 3;

/// What may have been meant by a path that is no script: those in the folder that it is, or those called nearly so.
fn nearby(path: &Path, env: &Env) -> Vec<String> {
    let of = |folder: &Path| -> Vec<PathBuf> {
        let entries = env.disk.list(folder).unwrap_or_default().into_iter();
        let mut scripts: Vec<PathBuf> = entries
            .map(|entry| entry.path)
            .filter(|path| path.extension().is_some_and(|end| end == "flow"))
            .collect();
        scripts.sort();
        scripts
    };
    let likeness = |script: &PathBuf| {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let wanted = name(path);
        let as_written = strsim::jaro_winkler(&name(script), &wanted);
        as_written.max(strsim::jaro_winkler(&name(script), &format!("{wanted}.flow")))
    };
    let mut scripts = match env.disk.info(path) {
        Ok(info) if info.is_dir => of(path),
        Ok(_) => return Vec::new(),
        Err(_) => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            of(folder).into_iter().filter(|script| likeness(script) > 0.9).collect()
        }
    };
    scripts.truncate(NAMES);
    scripts.iter().map(|script| format!("`{}`", short(script).display())).collect()
}

/// What tells a file from all others. What is not there goes by its name in the nearest folder that is; so does standard input.
pub(crate) fn real(path: &Path, env: &Env) -> PathBuf {
    if let Ok(real) = env.disk.real(path) {
        return real;
    }
    let named = flow_driver::normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
    let there = |folder: &Path| Some(env.disk.real(folder).ok()?.join(named.strip_prefix(folder).ok()?));
    named.ancestors().skip(1).find_map(there).unwrap_or(named)
}

struct Disk<'a>(&'a Env);

impl Loader for Disk<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        read(path, self.0)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        real(path, self.0)
    }
}

/// Compiles a script of the command line.
pub(crate) fn compile(path: &Path, options: &Options, env: &Env) -> Result<Compilation, Stop> {
    flow_driver::compile(&mut Disk(env), path, options).map_err(|error| cannot_read(path, &error))
}

/// Compiles a script of the command line, without its plan.
pub(crate) fn analyse(path: &Path, options: &Options, env: &Env) -> Result<Compilation, Stop> {
    flow_driver::analyse(&mut Disk(env), path, options, None).map_err(|error| cannot_read(path, &error))
}

/// `-p NAME=VALUE`.
pub(crate) fn params(args: &Params) -> Result<Vec<(String, String)>, Stop> {
    let split = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_string(), value.to_string())),
        _ => Err(Stop::outside(format!("`-p {text}` is not `-p NAME=VALUE`"))),
    };
    args.param.iter().map(split).collect()
}

/// `--deny`, `--warn`, `--allow`: what names a lint wins over `warnings`, which means all that are not named; else the last
/// one wins.
pub(crate) fn levels(args: &LintLevels) -> Result<Levels, Stop> {
    let mut levels = Levels::default();
    let (all, named): (Vec<_>, Vec<_>) = args.0.iter().partition(|(_, word)| word == "warnings");
    for (level, _) in all {
        levels.set_all(*level);
    }
    for (level, word) in named {
        levels.set(lint(word)?, *level);
    }
    Ok(levels)
}

fn lint(word: &str) -> Result<Code, Stop> {
    match Code::find(word) {
        Some(info) if info.code.0.starts_with('W') => Ok(info.code),
        Some(info) => {
            Err(Stop::outside(format!("`{word}` is {}, an error: only lints (W…) have levels", info.code)))
        }
        None => Err(Stop::outside(format!("there is no lint `{word}`{}", near(word)))),
    }
}

/// `\n  help: did you mean …?` for a word that is no code.
pub(crate) fn near(word: &str) -> String {
    let similar: Vec<String> = flow_driver::explain::similar(word)
        .iter()
        .map(|info| format!("`{}` ({})", info.code, info.name))
        .chain(flow_driver::explain::similar_record_errors(word).iter().map(|kind| format!("`{kind}`")))
        .collect();
    if similar.is_empty() {
        String::new()
    } else {
        format!("\n  help: did you mean {}?", similar.join(" or "))
    }
}
