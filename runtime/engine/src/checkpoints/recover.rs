//! What sinks say they show, as the protocol understands it.

use flow_checkpoint::protocol::Mark;
use flow_checkpoint::{Manifest, SinkSeal};
use flow_plan::operator::StateIdentity;

/// What a sink said when it was told of the run.
pub(super) struct Said<'a> {
    /// Does its system remember what it shows?
    pub(super) remembers: bool,
    pub(super) mark: Option<Mark>,
    /// Its state's name.
    pub(super) id: &'a StateIdentity,
}

/// What a checkpoint has sealed of a sink; of one that is called otherwise now, by its former name.
pub(super) fn seal<'m>(manifest: &'m Manifest, id: &StateIdentity) -> Option<&'m SinkSeal> {
    let named = |name: &str| manifest.sinks.iter().find(|sink| sink.id == name);
    named(&id.id).or_else(|| named(id.was.as_deref()?))
}

impl Said<'_> {
    /// What that means for recovery from the newest checkpoint that counts. A sink whose system remembers by what it shows
    /// cannot know of an epoch in which it got nothing; one that never remembers shows whatever it was given.
    pub(super) fn of(&self, newest: Option<&Manifest>) -> Option<Mark> {
        let Some(newest) = newest else { return self.mark.filter(|_| self.remembers) };
        let all = Mark { generation: newest.generation, epoch: newest.epoch };
        if !self.remembers {
            return Some(all);
        }
        let shown = self.mark.map_or(0, |mark| mark.epoch);
        if shown > newest.epoch {
            // It knows of more than this folder does: the protocol says what that means.
            return self.mark;
        }
        let mine = seal(newest, self.id);
        match mine.is_some_and(|sink| !sink.sealed.is_empty()) && shown < newest.epoch {
            // To be shown again, which changes nothing if it is there already.
            true => Some(Mark { epoch: newest.epoch - 1, ..all }),
            false => Some(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let id = StateIdentity { id: "out".into(), was: None };
        let said = Said { remembers: true, mark: Some(shown), id: &id }.of(Some(&manifest(7, &[])));
        assert_eq!(said, Some(Mark { generation: 3, epoch: 7 }));
    }

    #[test]
    fn a_sink_behind_its_epoch_shows_it_again_and_one_ahead_is_reported_as_it_is() {
        let newest = manifest(7, &["part"]);
        let at = |epoch| Some(Mark { generation: 3, epoch });
        let id = StateIdentity { id: "out".into(), was: None };
        let said = |remembers, mark| Said { remembers, mark, id: &id }.of(Some(&newest));
        assert_eq!(said(true, at(6)), at(6));
        assert_eq!(said(true, at(2)), at(6));
        assert_eq!(said(true, at(7)), at(7));
        assert_eq!(said(true, at(9)), at(9));
        assert_eq!(said(false, None), at(7));
    }

    #[test]
    fn a_sink_is_known_by_its_former_name() {
        let newest = manifest(7, &["part"]);
        let mark = Some(Mark { generation: 3, epoch: 2 });
        let said = |was: Option<&str>| {
            let id = StateIdentity { id: "shown".into(), was: was.map(String::from) };
            Said { remembers: true, mark, id: &id }.of(Some(&newest)).map(|mark| mark.epoch)
        };
        assert_eq!((said(Some("out")), said(None)), (Some(6), Some(7)));
    }
}
