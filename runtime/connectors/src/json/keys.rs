//! Which key comes next: each key remembers what stood behind it last (two forms of it), as the very
//! bytes between the values, blanks included. A guess that holds costs one vector comparison; one that
//! does not is found out by the complete reading here, which makes the next guess.

use super::string;
use super::value::{key, skip_blanks, unexpected};
use crate::fault::Fault;
use crate::scan::{Literal, Text};
use std::borrow::Cow;
use std::collections::HashMap;

/// What to do at a place in an object: a slot whose value follows, or one of these. (Plain numbers of
/// one width: an enum with a payload went through memory in pieces here, for a third of all time.)
pub(crate) type Step = usize;
/// A value follows that nobody reads.
pub(crate) const SKIP: Step = usize::MAX;
/// The object and the line are over.
pub(crate) const END: Step = usize::MAX - 1;
/// There was no object: the line is blank.
pub(crate) const BLANK: Step = usize::MAX - 2;

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) step: Step,
    /// The place behind it.
    pub(crate) place: usize,
    /// Where its value (or the next line) starts.
    pub(crate) at: usize,
}

/// What may stand at a place.
#[derive(Clone, Debug)]
pub(crate) struct Guess {
    /// Its very bytes.
    pub(crate) literal: Literal,
    pub(crate) step: Step,
    /// The place behind it.
    pub(crate) next: usize,
}

impl Guess {
    fn none() -> Guess {
        Guess { literal: Literal::never(), step: END, next: START }
    }
}

/// Longer gaps between values than this are not guessed.
const LONGEST_GUESS: usize = 80;
/// Keys that nobody reads and that are remembered; others are found by reading each time.
const MOST_KEYS: usize = 512;

/// The place before the first key.
pub(crate) const START: usize = 0;
/// The place behind a key that is not remembered.
const ELSEWHERE: usize = 1;

/// Keys seen, and guesses behind each.
pub(crate) struct Keys {
    /// The place behind each key that is known.
    places: HashMap<Box<[u8]>, usize>,
    /// What to do with the key of each place.
    steps: Vec<Step>,
    guesses: Vec<[Guess; 2]>,
}

impl Keys {
    /// For slots of these names.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Keys {
        let mut keys = Keys { places: HashMap::new(), steps: Vec::new(), guesses: Vec::new() };
        // START and ELSEWHERE.
        keys.place(SKIP);
        keys.place(SKIP);
        for (slot, name) in names.enumerate() {
            let place = keys.place(slot);
            keys.places.insert(name.as_bytes().into(), place);
        }
        keys
    }

    fn place(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.guesses.push([Guess::none(), Guess::none()]);
        self.steps.len() - 1
    }

    /// What stands behind the value that ends at `at` at this place, or at a line's start.
    #[inline(always)]
    pub(crate) fn next(&mut self, text: Text<'_>, at: usize, place: usize) -> Result<Next, Fault> {
        for guess in &self.guesses[place] {
            if guess.literal.matches(text, at) {
                return Ok(Next { step: guess.step, place: guess.next, at: at + guess.literal.len() });
            }
        }
        self.read(text, at, place)
    }

    #[cold]
    fn read(&mut self, text: Text<'_>, start: usize, place: usize) -> Result<Next, Fault> {
        let mut at = skip_blanks(text, start);
        if place == START {
            match text.byte(at) {
                b'\n' => return Ok(Next { step: BLANK, place: START, at: at + 1 }),
                b'{' => at = skip_blanks(text, at + 1),
                _ => return Err(unexpected(text, at, "an object")),
            }
        } else {
            match text.byte(at) {
                b',' => {
                    at = skip_blanks(text, at + 1);
                    if text.byte(at) == b'}' {
                        return Err(unexpected(text, at, "a key in quotes"));
                    }
                }
                b'}' => {}
                _ => return Err(unexpected(text, at, "`,` or `}`")),
            }
        }
        if text.byte(at) == b'}' {
            let next = end_of_line(text, at + 1)?;
            self.learn(
                place,
                Guess { literal: Literal::new(text.slice(start, next)), step: END, next: START },
            );
            return Ok(Next { step: END, place: START, at: next });
        }
        let (raw, value) = key(text, at)?;
        let name = if raw.contains(&b'\\') {
            Cow::Owned(string::unescape(raw)?.into_bytes())
        } else {
            Cow::Borrowed(raw)
        };
        let next = self.find(&name);
        let step = self.steps[next];
        self.learn(place, Guess { literal: Literal::new(text.slice(start, value)), step, next });
        Ok(Next { step, place: next, at: value })
    }

    fn find(&mut self, name: &[u8]) -> usize {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        if self.places.len() >= MOST_KEYS {
            return ELSEWHERE;
        }
        let place = self.place(SKIP);
        self.places.insert(name.into(), place);
        place
    }

    /// The newest guess comes first; the one before stays second.
    fn learn(&mut self, place: usize, guess: Guess) {
        if place == ELSEWHERE || guess.literal.len() > LONGEST_GUESS {
            return;
        }
        let guesses = &mut self.guesses[place];
        guesses.swap(0, 1);
        guesses[0] = guess;
    }
}

/// Nothing but blanks may stand between here and the line's end: the start of the next line.
pub(crate) fn end_of_line(text: Text<'_>, at: usize) -> Result<usize, Fault> {
    let end = skip_blanks(text, at);
    if text.byte(end) == b'\n' { Ok(end + 1) } else { Err(unexpected(text, end, "the end of the line")) }
}
