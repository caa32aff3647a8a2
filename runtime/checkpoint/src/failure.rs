//! What can be wrong with a state folder, as one sentence that names the file and says what to do.

use flow_data::codec::Unencodable;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Something is wrong with a file or folder.
#[derive(Debug)]
pub struct Failure {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a file or folder.
#[derive(Debug)]
pub enum Problem {
    /// The system said no.
    Io(io::Error),
    /// It is not there.
    Missing,
    /// It was written by a later version of `flow`.
    Newer {
        /// The version of its format.
        format: u32,
    },
    /// It is something else than what should be there.
    Foreign {
        /// What should be there.
        expected: &'static str,
    },
    /// It is a folder, a pipe or a device, where a file should be.
    NotAFile,
    /// It is the state of another job than the one that it is called after.
    OtherJob {
        /// Whose it is.
        of: String,
        /// Whose should be there.
        wanted: String,
    },
    /// It was changed since it was written, cut off, or stands in another one's place.
    Damaged(String),
    /// Another process works with it.
    InUse,
    /// A newer run of the job has begun: this process must stop and touch nothing.
    Fenced,
    /// The state has no form in a file.
    Unencodable(Unencodable),
    /// What should be written contradicts itself.
    Contradiction(String),
}

impl Failure {
    /// A problem of this file or folder.
    pub fn new(path: &Path, problem: Problem) -> Failure {
        Failure { path: path.to_path_buf(), problem }
    }

    /// The file is damaged.
    pub fn damaged(path: &Path, why: impl Into<String>) -> Failure {
        Failure::new(path, Problem::Damaged(why.into()))
    }

    /// Turns an error of the system into a failure of this path.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
        |error| match error.kind() {
            io::ErrorKind::NotFound => Failure::new(path, Problem::Missing),
            _ => Failure::new(path, Problem::Io(error)),
        }
    }

    /// Has another run of the job begun, so that this one must stop?
    pub fn is_fenced(&self) -> bool {
        matches!(self.problem, Problem::Fenced)
    }

    /// May the same thing go well another time (space returns, the disk comes back)?
    pub fn is_io(&self) -> bool {
        matches!(self.problem, Problem::Io(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Io(error) => write!(f, "{path}: {}", said(error)),
            Problem::Missing => {
                write!(f, "{path}: it is missing; copy it back, or start from another checkpoint")
            }
            Problem::Newer { format } => write!(
                f,
                "{path}: it was written by a newer version of flow (its format is {format}, this version reads up to {}); \
                 use that version",
                crate::FORMAT
            ),
            Problem::Foreign { expected } => {
                write!(f, "{path}: this is not {expected}; nothing was touched, choose another folder")
            }
            Problem::NotAFile => write!(
                f,
                "{path}: it is not a regular file; put the file back that was there, or start from another checkpoint"
            ),
            Problem::OtherJob { of, wanted } => write!(
                f,
                "{path}: this is the state of the job `{of}`, where that of `{wanted}` should be; nothing was touched. Move it away, or \
                 choose another state folder; `{wanted}` can begin with what it holds: `flow run SCRIPT --from DIR`, where DIR is a \
                 savepoint or checkpoint in it (savepoints/N, chk-N-gN)"
            ),
            Problem::Damaged(why) => {
                write!(
                    f,
                    "{path}: it is damaged ({why}); copy it again from where it is whole, or start from another checkpoint"
                )
            }
            Problem::InUse => {
                write!(f, "{path}: another process runs this job; stop it first (`flow jobs` shows it)")
            }
            Problem::Fenced => write!(f, "{path}: another run of the job has begun since; this one stops"),
            Problem::Unencodable(why) => write!(f, "{path}: the state cannot be written: {why}"),
            Problem::Contradiction(what) => write!(f, "{path}: the state cannot be written: {what}"),
        }
    }
}

/// What the system said, and what to do about it where that is known.
fn said(error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied; run as the user whom it belongs to, or choose another state folder"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the disk can only be read; make it writable, or choose another state folder"
        }
        io::ErrorKind::StorageFull => {
            "no space is left on the disk; make room, or choose a state folder elsewhere"
        }
        io::ErrorKind::QuotaExceeded => {
            "the quota of disk space is used up; make room, or choose a state folder elsewhere"
        }
        io::ErrorKind::FileTooLarge => {
            "no file may become so large here (`ulimit -f` shows the limit); raise it, or choose a state folder elsewhere"
        }
        io::ErrorKind::NotADirectory => "a part of this path is a file, where a folder should be",
        _ => return error.to_string(),
    };
    what.to_string()
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Io(error) => Some(error),
            Problem::Unencodable(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_comes_with_what_to_do() {
        for (kind, said) in [
            (io::ErrorKind::PermissionDenied, "run as the user"),
            (io::ErrorKind::ReadOnlyFilesystem, "can only be read"),
            (io::ErrorKind::StorageFull, "make room"),
            (io::ErrorKind::QuotaExceeded, "quota"),
            (io::ErrorKind::FileTooLarge, "ulimit -f"),
            (io::ErrorKind::NotADirectory, "is a file"),
        ] {
            let failure = Failure::new(Path::new("state/words/LOCK"), Problem::Io(kind.into()));
            let text = failure.to_string();
            assert!(text.starts_with("state/words/LOCK: ") && text.contains(said), "{text}");
        }
    }
}
