//! The numbers of the job's one sequence, as the plan defines them.

#[allow(unused_imports, reason = "operators of time number what they give at the end")]
pub(crate) use flow_plan::physical::number::{DONE, Number, at_end, at_end_of_time, base, birth};
