//! How far a job is, as `flow jobs --json` says it.

use crate::numbers::moment;
use flow_engine::Progress;
use serde::{Deserialize, Serialize};

/// How far a job is. What an older run does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Measures {
    /// Rows read so far.
    pub(crate) rows_in: u64,
    /// Rows written so far.
    pub(crate) rows_out: u64,
    /// For so many milliseconds it has been running.
    pub(crate) millis: u64,
    /// The last complete checkpoint.
    pub(crate) checkpoint: Option<u64>,
    /// The least watermark that something waits for.
    pub(crate) watermark: Option<String>,
    /// How far that is behind the latest row, in milliseconds of event time.
    pub(crate) behind_millis: Option<i64>,
    /// Rows that came too late for their windows.
    pub(crate) late: u64,
    /// Records that `onError: skip` dropped.
    pub(crate) skipped: u64,
    /// Every declaration that has operators.
    pub(crate) declarations: Vec<Through>,
    /// Every `eventTime` that something waits for.
    pub(crate) event_times: Vec<EventTime>,
    /// Every operator that holds state.
    pub(crate) state: Vec<Holds>,
}

/// What went through a declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Through {
    pub(crate) name: String,
    pub(crate) rows_in: u64,
    pub(crate) rows_out: u64,
    pub(crate) late: u64,
    pub(crate) skipped: u64,
}

/// How far event time is at an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventTime {
    pub(crate) operator: String,
    pub(crate) watermark: Option<String>,
    /// The latest event time seen.
    pub(crate) latest: Option<String>,
    /// Are all its inputs silent, so that it is not waited for?
    pub(crate) idle: bool,
}

/// The state of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holds {
    pub(crate) operator: String,
    pub(crate) entries: u64,
    /// In memory, about.
    pub(crate) bytes: u64,
}

impl Measures {
    pub(crate) fn of(progress: &Progress) -> Measures {
        let watermark = progress.watermark();
        let declarations = progress.declarations.iter().map(|declaration| Through {
            name: declaration.name.clone(),
            rows_in: declaration.rows_in,
            rows_out: declaration.rows_out,
            late: declaration.late,
            skipped: declaration.skipped,
        });
        let event_times = progress.times.iter().map(|time| EventTime {
            operator: time.label.clone(),
            watermark: time.watermark.map(moment),
            latest: time.latest.map(moment),
            idle: time.idle_since.is_some(),
        });
        let state = progress.state.iter().map(|state| Holds {
            operator: state.label.clone(),
            entries: state.keys,
            bytes: state.bytes,
        });
        Measures {
            rows_in: progress.rows_in(),
            rows_out: progress.rows_out(),
            millis: progress.elapsed.as_millis() as u64,
            checkpoint: progress.checkpoint.map(|(epoch, _)| epoch),
            watermark: watermark.map(|(at, _)| moment(at)),
            behind_millis: watermark.map(|(_, behind)| behind / 1000),
            late: progress.late(),
            skipped: progress.skipped(),
            declarations: declarations.collect(),
            event_times: event_times.collect(),
            state: state.collect(),
        }
    }
}
