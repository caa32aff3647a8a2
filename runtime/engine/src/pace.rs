//! How long a worker may work for the checkpoint on its way before it turns to its rows again. A piece each time is little
//! where chunks take long, as with state on disk: then it may spend a share of its time, so that every checkpoint comes to
//! an end, and rows wait in proportion to what they wait for anyway.

use std::time::Duration;

/// One part in so many of the time that went by since the last piece.
const SHARE: u32 = 4;

/// The pace of one worker.
#[derive(Default)]
pub(crate) struct Pace {
    /// When it last had done what there was to do.
    done: Duration,
}

impl Pace {
    /// A new checkpoint is on its way, or there is no room for pieces: what went by until now does not count.
    pub(crate) fn rest(&mut self, now: Duration) {
        self.done = now;
    }

    /// Begins with pieces; gives for how long there may be more of them than one.
    pub(crate) fn begin(&self, now: Duration) -> Duration {
        now.saturating_sub(self.done) / SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Duration = Duration::from_millis(5);

    /// A worker with chunks that take so long; gives how many pieces it hands over behind each, and its longest stop.
    fn work(chunk: Duration) -> (u32, Duration) {
        let (mut pace, mut now, mut pieces, mut longest) =
            (Pace::default(), Duration::ZERO, 0, Duration::ZERO);
        for _ in 0..100 {
            now += chunk;
            let (began, most) = (now, pace.begin(now));
            loop {
                now += PIECE;
                pieces += 1;
                if now - began >= most {
                    break;
                }
            }
            pace.rest(now);
            longest = longest.max(now - began);
        }
        (pieces / 100, longest)
    }

    #[test]
    fn behind_a_chunk_that_took_long_come_many_pieces_for_a_share_of_its_time() {
        assert_eq!(work(Duration::from_millis(400)), (20, Duration::from_millis(100)));
        assert_eq!(work(Duration::from_secs(2)), (100, Duration::from_millis(500)));
    }

    #[test]
    fn behind_a_short_chunk_comes_one_piece() {
        assert_eq!(work(Duration::from_millis(1)), (1, PIECE));
        assert_eq!(work(Duration::from_millis(20)), (1, PIECE));
    }

    #[test]
    fn time_in_which_there_was_no_checkpoint_on_its_way_does_not_count() {
        let mut pace = Pace::default();
        pace.rest(Duration::from_secs(60));
        assert_eq!(pace.begin(Duration::from_secs(60) + 4 * PIECE), PIECE);
    }
}
