//! The live line of a running job on a terminal. Everything else that speaks while it runs (taps,
//! signals) goes through it too, so that lines never mix.

use crate::numbers::{count, moment, rate, short, span, time};
use crate::output;
use crate::render::Look;
use flow_engine::Progress;
use std::sync::{Mutex, PoisonError};

/// Standard error while a job runs.
pub(crate) struct Live {
    /// Draw at all?
    terminal: bool,
    look: Look,
    /// Is a line on the screen?
    drawn: Mutex<bool>,
}

impl Live {
    pub(crate) fn new(terminal: bool, look: Look) -> Live {
        Live { terminal, look, drawn: Mutex::new(false) }
    }

    /// Is there someone to draw for?
    pub(crate) fn draws(&self) -> bool {
        self.terminal
    }

    /// Redraws the line.
    pub(crate) fn draw(&self, progress: &Progress) {
        if !self.terminal {
            return;
        }
        let mut line = line(progress);
        // A line that wraps could not be cleared.
        if line.chars().count() >= self.look.width {
            line = line.chars().take(self.look.width.saturating_sub(2)).chain(['…']).collect();
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        output::say(&format!("\r\x1b[2K{line}"));
        *drawn = true;
    }

    /// Says something on lines of its own.
    pub(crate) fn say(&self, text: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if *drawn { "\r\x1b[2K" } else { "" };
        output::say(&format!("{clear}{text}"));
        *drawn = false;
    }

    /// Takes the line from the screen.
    pub(crate) fn clear(&self) {
        self.say("");
    }
}

/// `1.2 M rows in · 3.4 k out · 512 k rows/s · 43 % · 12.3 s`.
fn line(progress: &Progress) -> String {
    let mut parts = vec![
        format!("{} rows in", short(progress.rows_in() as f64)),
        format!("{} out", short(progress.rows_out() as f64)),
    ];
    parts.extend(rate(progress.rows_in(), progress.elapsed));
    parts.extend(share(progress).map(|share| format!("{share} %")));
    if let Some((watermark, behind)) = progress.watermark() {
        parts.push(format!("watermark {} ({} behind)", moment(watermark), span(behind)));
    }
    if progress.late() > 0 {
        parts.push(format!("{} late", short(progress.late() as f64)));
    }
    if progress.skipped() > 0 {
        parts.push(format!("{} skipped", short(progress.skipped() as f64)));
    }
    if let Some((epoch, ago)) = progress.checkpoint {
        parts.push(format!("checkpoint {} {} ago", count(epoch), time(ago)));
    }
    parts.push(time(progress.elapsed));
    parts.join(" · ")
}

/// Percent of the bytes of all inputs, if all sizes are known.
fn share(progress: &Progress) -> Option<u64> {
    let sizes: Option<u64> = progress.sources.iter().map(|s| s.size).sum();
    let size = sizes.filter(|&size| size > 0)?;
    let read: u64 = progress.sources.iter().map(|s| s.bytes).sum();
    Some((read.min(size) as f64 / size as f64 * 100.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_engine::TimeProgress;

    fn second(at: i64) -> Option<i64> {
        Some(at * 1_000_000)
    }

    fn at(watermark: Option<i64>, latest: Option<i64>, idle_since: Option<u64>) -> TimeProgress {
        TimeProgress { label: "rows.eventTime".into(), watermark, latest, idle_since }
    }

    /// What the line says of time.
    fn time_of(times: Vec<TimeProgress>) -> Option<String> {
        let line = line(&Progress { times, ..Progress::default() });
        line.split(" · ").find(|part| part.starts_with("watermark")).map(str::to_string)
    }

    #[test]
    fn the_line_shows_the_least_watermark_of_those_that_something_waits_for() {
        let (slow, fast) = (at(second(10), second(12), None), at(second(60), second(63), None));
        let said = time_of(vec![slow, fast.clone()]);
        assert_eq!(said.unwrap(), "watermark 1970-01-01T00:00:10Z (53s behind)");
        let idle = at(second(10), second(12), Some(7));
        assert_eq!(
            time_of(vec![idle.clone(), fast]).unwrap(),
            "watermark 1970-01-01T00:01:00Z (3s behind)",
            "windows do not wait for the idle one"
        );
        let last = at(second(40), second(40), Some(9));
        let said = time_of(vec![last, idle.clone()]);
        assert_eq!(said.unwrap(), "watermark 1970-01-01T00:00:40Z (0s behind)", "there time stands still");
        assert_eq!(time_of(vec![idle, at(None, None, None)]), None, "one has not begun");
    }
}
