//! The words of a text, as a set that is asked whether it shares one with another. Two words may be taken for one:
//! then something is looked at that need not be.

/// A set of words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// Sorted, each once.
    hashes: Vec<u32>,
    /// A bit for the low six bits of each.
    seen: u64,
}

impl Words {
    /// Every run of letters, digits and what stands outside of ASCII: comments and strings too, which does no harm.
    pub(crate) fn of(text: &str) -> Words {
        let mut words = Words { hashes: hashes(text), seen: 0 };
        words.hashes.sort_unstable();
        words.hashes.dedup();
        words.seen = words.hashes.iter().fold(0, |seen, hash| seen | bit(*hash));
        words
    }

    /// Puts in a name; one in backticks may be several words.
    pub(crate) fn add(&mut self, name: &str) {
        for word in hashes(name) {
            if let Err(at) = self.hashes.binary_search(&word) {
                self.hashes.insert(at, word);
                self.seen |= bit(word);
            }
        }
    }

    /// Is there a word in both?
    pub(crate) fn meet(&self, other: &Words) -> bool {
        self.seen & other.seen != 0 && other.hashes.iter().any(|word| self.hashes.binary_search(word).is_ok())
    }
}

/// What may stand in a word.
const IN_WORDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' || byte >= 0x80;
        byte += 1;
    }
    table
};

/// The hash (FNV-1a) of each word of a text, in its order.
fn hashes(text: &str) -> Vec<u32> {
    const EMPTY: u32 = 0x811c_9dc5;
    let mut hashes = Vec::with_capacity(text.len() / 4);
    let mut hash = EMPTY;
    for &byte in text.as_bytes() {
        if IN_WORDS[usize::from(byte)] {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        } else if hash != EMPTY {
            hashes.push(hash);
            hash = EMPTY;
        }
    }
    if hash != EMPTY {
        hashes.push(hash);
    }
    hashes
}

fn bit(hash: u32) -> u64 {
    1 << (hash & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_meet_where_they_share_a_word() {
        let text = Words::of("stream s1 = bids |> map { `a b`: price * 2, note: \"{name}\" }");
        let meets = |name: &str| {
            let mut words = Words::default();
            words.add(name);
            text.meet(&words)
        };
        for name in ["s1", "bids", "price", "name", "a b", "b"] {
            assert!(meets(name), "{name}");
        }
        for name in ["s", "bid", "pric", "c", ""] {
            assert!(!meets(name), "{name}");
        }
    }
}
