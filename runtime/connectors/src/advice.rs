//! What to do about what the system says of a file, where that is known.

use std::io;

/// What the system says when this process, or all together, may open no more files.
const TOO_MANY: [i32; 2] = [24, 23];

/// The error, and what to do.
pub(crate) fn said(error: &io::Error) -> String {
    let what_to_do = match error.kind() {
        _ if cfg!(unix) && error.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code)) => {
            "`ulimit -n` shows how many may be open: raise it; fewer workers (`--parallelism`) need fewer"
        }
        io::ErrorKind::StorageFull => "make room on that disk, or write elsewhere",
        io::ErrorKind::QuotaExceeded => "make room, or write where the quota is larger",
        io::ErrorKind::ReadOnlyFilesystem => "make it writable, or write elsewhere",
        io::ErrorKind::FileTooLarge => {
            "no file may become so large here (`ulimit -f` shows the limit): raise it, or begin new part files sooner with \
             `rollSize:`"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {what_to_do}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_sink_comes_with_what_to_do() {
        for (kind, what_to_do) in [
            (io::ErrorKind::StorageFull, "make room"),
            (io::ErrorKind::QuotaExceeded, "quota is larger"),
            (io::ErrorKind::ReadOnlyFilesystem, "make it writable"),
            (io::ErrorKind::FileTooLarge, "`rollSize:`"),
        ] {
            let text = said(&kind.into());
            assert!(text.contains(what_to_do), "{text}");
        }
        assert_eq!(said(&io::Error::other("it burns")), "it burns");
    }

    #[cfg(unix)]
    #[test]
    fn too_many_open_files_are_told_with_the_limit_that_is_to_be_raised() {
        assert!(said(&io::Error::from_raw_os_error(24)).contains("`ulimit -n`"));
    }
}
