//! `flow check`: says what is wrong with scripts, and runs nothing.

use crate::args::{Check, Cli};
use crate::report::{self, Checked, Format};
use crate::script;
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_driver::Options;
use flow_env::Env;
use flow_syntax::{Diagnostic, Severity};

pub(super) fn run(cli: &Cli, args: &Check) -> Outcome {
    if let Some(target) = &args.against {
        return Err(Stop::outside(format!(
            "`--against {target}`: this version keeps no savepoints yet and cannot compare state"
        )));
    }
    let env = Env::real();
    let options = options(args)?;
    let mut checked = Vec::new();
    for path in &args.files {
        let done = script::compile(path, &options, &env)?;
        checked.push(Checked {
            path: script::name(path),
            sources: done.sources,
            diagnostics: done.diagnostics,
        });
    }
    // People read standard error; what machines read is the command's result.
    let format = if args.json { Format::Json } else { args.format };
    let text = report::write(format, &checked, terminal::stderr(&cli.shown));
    match format {
        Format::Human => output::say(&text),
        _ => output::result(&text)?,
    }
    let all: Vec<&Diagnostic> = checked.iter().flat_map(|c| &c.diagnostics).collect();
    let wrong = all.iter().any(|d| d.severity == Severity::Error);
    Ok(if wrong { Status::Wrong } else { Status::Done })
}

fn options(args: &Check) -> Result<Options, Stop> {
    Ok(Options { params: script::params(&args.params)?, levels: script::levels(&args.levels)? })
}
