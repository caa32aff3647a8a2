//! The numbers of the job's one sequence.
//!
//! A chunk has the number it was taken with. What an operator still holds when its input has ended
//! leaves it under numbers of their own, level by level behind all chunks: the level is how many
//! such operators stand above, and within a level rows go out under the number that first made
//! their key. So the order of results does not depend on the number of workers at the end either,
//! and the last results leave in pieces that bounded queues can take. Engine and reference number alike.

/// A place in the sequence.
pub type Number = u64;

/// Behind everything: a frontier that says that there is nothing more.
pub const DONE: Number = u64::MAX;

/// Deepest level with numbers of its own; below it, all rest rows share one number.
const LEVELS: u32 = 11;

/// First number of a level; chunk numbers stay below that of level 0.
pub fn base(level: u32) -> Number {
    1 << (40 + 2 * level.min(LEVELS))
}

/// The number under which a level gives what was first seen at `born`.
pub fn at_end(level: u32, born: Number) -> Number {
    if level < LEVELS { base(level) + born } else { base(LEVELS) + Number::from(level - LEVELS) }
}

/// The number that first made what goes out under this one at the end of the input; `None` on the levels that share one.
pub fn birth(mut number: Number) -> Option<Number> {
    while number >= base(0) {
        let level = (number.ilog2() - base(0).ilog2()) / 2;
        if level >= LEVELS {
            return None;
        }
        number -= base(level);
    }
    Some(number)
}

/// The number under which a level gives what ends at a time (in microseconds): later times never have
/// lower numbers, but times that are less than a second apart may share one.
pub fn at_end_of_time(level: u32, time: i64) -> Number {
    const FAR: i64 = 1 << 59;
    let steps = (time.clamp(-FAR, FAR) + FAR) >> 20;
    at_end(level, steps as Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_is_known_through_all_levels_but_those_that_share_a_number() {
        for born in [0, 3, base(0) - 1] {
            assert_eq!(birth(born), Some(born));
            assert_eq!(birth(at_end(4, at_end(3, at_end(0, born)))), Some(born));
        }
        assert_eq!(birth(at_end(LEVELS, 3)), None);
        assert_eq!(birth(at_end(LEVELS + 2, at_end(0, 3))), None);
    }

    #[test]
    fn a_level_keeps_the_order_of_births_and_stays_below_the_next() {
        for level in 0..LEVELS - 1 {
            let highest =
                if level == 0 { base(0) - 1 } else { at_end(level - 1, 2 * base(level - 1) / 2 - 1) };
            assert!(at_end(level, 0) < at_end(level, 1));
            assert!(at_end(level, highest) < base(level + 1), "level {level}");
        }
        assert!(at_end_of_time(0, i64::MAX) < base(1) && at_end_of_time(0, i64::MIN) >= base(0));
        assert!(at_end_of_time(3, 5_000_000) < at_end_of_time(3, 10_000_000));
        assert!(at_end(LEVELS, 5) < at_end(LEVELS + 1, 0));
        assert!(at_end(40, 0) < DONE);
    }
}
