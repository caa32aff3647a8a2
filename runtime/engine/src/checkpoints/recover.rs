//! What sinks say they show, as the protocol understands it.

use flow_checkpoint::Manifest;
use flow_checkpoint::protocol::Mark;

/// What a sink's mark means for recovery. A sink whose system remembers by what it shows cannot know of an epoch in
/// which it got nothing; one that never remembers shows whatever it was given.
pub(super) fn mark(remembers: bool, mark: Option<Mark>, newest: Option<&Manifest>, id: &str) -> Option<Mark> {
    let Some(newest) = newest else { return mark.filter(|_| remembers) };
    let all = Mark { generation: newest.generation, epoch: newest.epoch };
    if !remembers {
        return Some(all);
    }
    let shown = mark.map_or(0, |mark| mark.epoch);
    if shown > newest.epoch {
        // It knows of more than this folder does: the protocol says what that means.
        return mark;
    }
    let sealed = newest.sinks.iter().find(|sink| sink.id == id).is_some_and(|sink| !sink.sealed.is_empty());
    match sealed && shown < newest.epoch {
        // To be shown again, which changes nothing if it is there already.
        true => Some(Mark { epoch: newest.epoch - 1, ..all }),
        false => Some(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_checkpoint::SinkSeal;

    fn manifest(epoch: u64, sealed: &[&str]) -> Manifest {
        let sealed = sealed.iter().map(|name| (*name).to_string()).collect();
        Manifest {
            generation: 3,
            epoch,
            sinks: vec![SinkSeal { id: "out".into(), sealed }],
            job: "j".into(),
            barrier: 0,
            at: 0,
            flow: String::new(),
            finished: false,
            parallelism: 1,
            scripts: Vec::new(),
            parameters: Vec::new(),
            sources: Vec::new(),
            times: Vec::new(),
            states: Vec::new(),
            parent: None,
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_sink_that_got_nothing_in_an_epoch_shows_all_of_it() {
        let shown = Mark { generation: 3, epoch: 2 };
        let said = mark(true, Some(shown), Some(&manifest(7, &[])), "out");
        assert_eq!(said, Some(Mark { generation: 3, epoch: 7 }));
    }

    #[test]
    fn a_sink_behind_its_epoch_shows_it_again_and_one_ahead_is_reported_as_it_is() {
        let newest = manifest(7, &["part"]);
        let at = |epoch| Some(Mark { generation: 3, epoch });
        assert_eq!(mark(true, at(6), Some(&newest), "out"), at(6));
        assert_eq!(mark(true, at(2), Some(&newest), "out"), at(6));
        assert_eq!(mark(true, at(7), Some(&newest), "out"), at(7));
        assert_eq!(mark(true, at(9), Some(&newest), "out"), at(9));
        assert_eq!(mark(false, None, Some(&newest), "out"), at(7));
    }
}
