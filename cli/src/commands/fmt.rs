//! `flow fmt`: brings scripts into the one style. A file is written only where something changes, and
//! its text is never at risk: a copy of the new text is on the disk before the file is touched.

use crate::args::{Cli, Fmt};
use crate::render::{self, Paint};
use crate::script::{self, cannot_read};
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_env::Env;
use flow_syntax::{Diagnostic, SourceMap, parse_bytes};
use similar::TextDiff;
use std::path::Path;

pub(super) fn run(cli: &Cli, args: &Fmt) -> Outcome {
    let env = Env::real();
    let mut status = Status::Done;
    for path in &script::all(&args.files, &env, |_| false)? {
        // One wrong script does not keep the others from their style.
        let done = match one(cli, args, path, &env) {
            Ok(done) => done,
            Err(Stop { status, message: Some(message) }) => {
                let paint = Paint { color: terminal::stderr(&cli.shown).color };
                output::say(&format!("{}: {message}\n", paint.red("error")));
                status
            }
            Err(silent) => return Err(silent),
        };
        status = status.max(done);
    }
    Ok(status)
}

fn one(cli: &Cli, args: &Fmt, path: &Path, env: &Env) -> Outcome {
    let bytes = script::read(path, env).map_err(|error| cannot_read(path, &error))?;
    let name = script::name(path);
    let formatted = match std::str::from_utf8(&bytes) {
        Ok(text) => flow_syntax::format(text).map(|new| (text, new)),
        Err(_) => Err(parse_bytes(Default::default(), &bytes, None).1),
    };
    let (old, new) = match formatted {
        Ok(texts) => texts,
        Err(_) if args.brief => {
            output::say(&format!("{name}: the script has errors, and keeps its style\n"));
            return Ok(Status::Wrong);
        }
        Err(wrong) => return Ok(refused(cli, name, &bytes, &wrong)),
    };
    if args.check {
        if old == new {
            return Ok(Status::Done);
        }
        output::result(&diff(&name, old, &new, Paint { color: terminal::stdout(&cli.shown).color }))?;
        return Ok(Status::Wrong);
    }
    if script::is_stdin(path) {
        output::result(&new)?;
    } else if old != new {
        write(path, &new, env)?;
    }
    Ok(Status::Done)
}

/// A script that does not parse keeps its text.
fn refused(cli: &Cli, name: String, bytes: &[u8], wrong: &[Diagnostic]) -> Status {
    let mut sources = SourceMap::default();
    sources.add(name, String::from_utf8_lossy(bytes));
    output::say(&render::report(wrong, &sources, terminal::stderr(&cli.shown)));
    Status::Wrong
}

/// What would change, as `diff -u` shows it.
fn diff(name: &str, old: &str, new: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(3).header(name, name).to_string();
    if !paint.color {
        return text;
    }
    let line = |line: &str| match line.as_bytes().first() {
        Some(b'-') => paint.red(line),
        Some(b'+') => paint.cyan(line),
        Some(b'@') => paint.dim(line),
        _ => line.to_string(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

/// The file itself is rewritten (it may be a link, or have rights of its own), behind a copy of the new
/// text: if the disk is full, nothing is lost.
fn write(path: &Path, text: &str, env: &Env) -> Result<(), Stop> {
    let shown = path.display();
    let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let copy = path.with_file_name(format!(".{file_name}.new"));
    let save = |path: &Path| {
        let mut file = env.disk.create(path)?;
        file.write_all(text.as_bytes())?;
        file.sync()
    };
    if let Err(error) = save(&copy) {
        // What there is of the copy is of no use; that it stays harms nobody.
        let _ = env.disk.remove_file(&copy);
        return Err(Stop::outside(format!(
            "`{shown}` was not changed: no copy can be written beside it: {error}"
        )));
    }
    if let Err(error) = save(path) {
        let copy = copy.display();
        return Err(Stop::outside(format!(
            "`{shown}` cannot be written: {error}; its new text is in `{copy}`"
        )));
    }
    let _ = env.disk.remove_file(&copy);
    Ok(())
}
