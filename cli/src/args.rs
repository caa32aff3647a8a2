//! The command line as clap reads it.

use crate::report::Format;
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use flow_driver::Level;
use std::ffi::OsString;
use std::path::PathBuf;

/// Dataflow scripts: check them, look at their plan, run them as native code.
#[derive(Debug, Parser)]
#[command(name = "flow", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// How it is shown.
    #[command(flatten)]
    pub shown: Shown,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Shown {
    /// When to use colours; never with NO_COLOR
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false
    )]
    pub color: Color,
    /// Columns of a line (default: the terminal's, or COLUMNS)
    #[arg(long, global = true, value_name = "N")]
    pub width: Option<usize>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Also in files and pipes, unless NO_COLOR is set
    Always,
    /// Not at all
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile a script and run it
    Run(Run),
    /// Check scripts without running them
    Check(Check),
    /// Run the `test` blocks of scripts, in virtual time
    Test(Test),
    /// Bring scripts into the one style
    Fmt(Fmt),
    /// Show what a script becomes: operators, chains, exchanges, state
    Plan(Plan),
    /// List the jobs that have state here, and how they are
    Jobs(Jobs),
    /// Stop a running job behind a last checkpoint
    Stop(StopJob),
    /// Make, list, show, compare, check, export and delete savepoints
    Savepoint(Savepoint),
    /// Explain an error code or a lint
    Explain(Explain),
    /// Print a type for a json or csv file
    Infer(Infer),
    /// Make a folder with a script, data, a test and a CI workflow
    New(New),
    /// Serve an editor on standard input and output
    Lsp,
    /// Print a completion script for a shell
    Completions(Completions),
    #[command(external_subcommand)]
    #[allow(missing_docs, reason = "clap would print it")]
    Other(Vec<OsString>),
}

/// Levels of lints, with what they are for, in the order of the command line.
#[derive(Clone, Debug, Default)]
pub struct LintLevels(pub Vec<(Level, String)>);

/// The options, and their levels.
const LEVELS: [(&str, Level, &str); 3] = [
    (
        "deny",
        Level::Deny,
        "Make a lint an error; `warnings` means all that are not named. Of several options, the last wins",
    ),
    ("warn", Level::Warn, "Make a lint a warning"),
    ("allow", Level::Allow, "Do not report a lint"),
];

// By hand: what is derived keeps no order between options.
impl Args for LintLevels {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(LEVELS.map(|(name, _, help)| {
            clap::Arg::new(name).long(name).value_name("CODE").action(clap::ArgAction::Append).help(help)
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        LintLevels::augment_args(command)
    }
}

impl FromArgMatches for LintLevels {
    fn from_arg_matches(matches: &ArgMatches) -> Result<LintLevels, clap::Error> {
        let mut found = Vec::new();
        for (name, level, _) in LEVELS {
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<String>(name).into_iter().flatten();
            found.extend(places.zip(values).map(|(place, value)| (place, level, value.clone())));
        }
        found.sort_by_key(|(place, _, _)| *place);
        Ok(LintLevels(found.into_iter().map(|(_, level, value)| (level, value)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = LintLevels::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Values of the script's parameters.
#[derive(Clone, Debug, Default, Args)]
pub struct Params {
    /// Set a parameter of the script
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub param: Vec<String>,
}

/// `flow run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The script; `-` is standard input
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub params: Params,
    /// Number of workers (default: the script's, or the number of cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub parallelism: Option<u32>,
    /// Where checkpoints and savepoints live (default: `state:` of the script, or `.flow` beside it)
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Start anew, whatever the last run left
    #[arg(long)]
    pub fresh: bool,
    /// Start from a savepoint
    #[arg(long, value_name = "SAVEPOINT", conflicts_with = "fresh")]
    pub from: Option<String>,
    /// Let state go that the script has no use for any more
    #[arg(long)]
    pub allow_dropped: bool,
    /// Run without native code
    #[arg(long)]
    pub interpret: bool,
}

/// `flow jobs`.
#[derive(Debug, Args)]
pub struct Jobs {
    /// Only this one
    pub job: Option<String>,
    /// Also every run there was, with the version of its script
    #[arg(long)]
    pub history: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Where state lives
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// `flow stop`.
#[derive(Debug, Args)]
pub struct StopJob {
    /// Its name
    pub job: String,
    /// Make a savepoint of where it ends
    #[arg(long)]
    pub savepoint: bool,
    /// Where state lives
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// `flow savepoint`.
#[derive(Debug, Args)]
pub struct Savepoint {
    /// Where state lives
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: SavepointCommand,
}

/// What to do with savepoints; each is called `JOB@N`, or by the path of its folder.
#[derive(Debug, Subcommand)]
pub enum SavepointCommand {
    /// Make one of a running job, or of the last checkpoint of one that does not run
    Create {
        /// Its name
        job: String,
    },
    /// List them
    List {
        /// Only those of this job
        job: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what one holds: script, positions, states
    Show {
        /// `JOB@N` or a path
        savepoint: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Does its state fit a script?
    Diff(SavepointDiff),
    /// Is all of it there, and as it was written?
    Verify {
        /// `JOB@N` or a path
        savepoint: String,
    },
    /// Write the rows of a state
    Export(SavepointExport),
    /// Remove one
    Delete {
        /// `JOB@N`
        savepoint: String,
    },
}

/// `flow savepoint diff`.
#[derive(Debug, Args)]
pub struct SavepointDiff {
    /// `JOB@N` or a path
    pub savepoint: String,
    /// The script
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub params: Params,
    /// Let state go that the script has no use for any more
    #[arg(long)]
    pub allow_dropped: bool,
}

/// `flow savepoint export`.
#[derive(Debug, Args)]
pub struct SavepointExport {
    /// `JOB@N` or a path
    pub savepoint: String,
    /// The state, as `flow savepoint show` lists them
    pub id: String,
    /// The table of it, if there are several
    #[arg(long)]
    pub table: Option<String>,
    /// What is written
    #[arg(long, value_parser = ["json", "parquet"], default_value = "json")]
    pub format: String,
    /// A file (default: standard output)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl SavepointExport {
    /// Is parquet written?
    pub(crate) fn parquet(&self) -> bool {
        self.format == "parquet"
    }
}

/// `flow check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Scripts, and folders of scripts; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub levels: LintLevels,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub params: Params,
    /// Does the state of `git:REF` (this file at that revision), of a savepoint (`JOB@N` or a path) or of another script fit
    /// this one?
    #[arg(long, value_name = "TARGET")]
    pub against: Option<String>,
    /// With `--against`: let state go that the script has no use for any more
    #[arg(long, requires = "against")]
    pub allow_dropped: bool,
    /// With `--against JOB@N`: where state lives (default: `.flow` here or beside the script)
    #[arg(long, value_name = "DIR", requires = "against")]
    pub state: Option<PathBuf>,
}

/// `flow test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Scripts, and folders of scripts; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How results are written
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: TestFormat,
    /// Run each test with 1 and 4 workers, native and interpreted, and with a stop and restore after every row
    #[arg(long)]
    pub matrix: bool,
    /// Only name scripts with errors: what is wrong with them `flow check` has said
    #[arg(long)]
    pub brief: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub params: Params,
}

/// The forms of `test --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people
    Human,
    /// JUnit XML, one test case a test
    Junit,
    /// One array
    Json,
}

/// `flow fmt`.
#[derive(Debug, Args)]
pub struct Fmt {
    /// Scripts, and folders of scripts; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change nothing; show what would change and exit with 1 if anything would
    #[arg(long)]
    pub check: bool,
    /// Only name scripts with errors: what is wrong with them `flow check` has said
    #[arg(long)]
    pub brief: bool,
}

/// `flow plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The script; `-` is standard input
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would print it")]
    pub params: Params,
    /// Draw the operators as a graph
    #[arg(long, value_enum, value_name = "LANGUAGE", conflicts_with_all = ["clif", "json"])]
    pub graph: Option<Graph>,
    /// Show the code of each chain before it becomes machine code
    #[arg(long, conflicts_with = "json")]
    pub clif: bool,
    /// For machines
    #[arg(long)]
    pub json: bool,
}

/// Languages of graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Graph {
    /// Graphviz
    Dot,
    /// Mermaid, for Markdown
    Mermaid,
    /// A picture
    Svg,
}

/// `flow explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A code such as E0203, a name such as unknown-field, or a kind of record errors such as overflow; without one, all are
    /// listed
    pub code: Option<String>,
    /// For machines
    #[arg(long)]
    pub json: bool,
}

/// `flow infer`.
#[derive(Debug, Args)]
pub struct Infer {
    /// A json (one object a line) or csv file, also compressed; `-` is standard input
    pub file: PathBuf,
    /// For machines
    #[arg(long)]
    pub json: bool,
}

/// `flow new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the folder
    pub name: PathBuf,
}

/// `flow completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
