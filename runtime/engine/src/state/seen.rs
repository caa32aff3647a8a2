//! Which hashes were ever put on disk: says of most others that they were not, so that a new key costs no look at it (bits as
//! in a filter of Bloom's, 1970). Runs have filters, too, but are asked one after the other, and each is wrong now and then: of
//! 100,000 new keys, beside 400,000 on disk and with 4 MiB of memory, 3,700 were looked for without this, and 1,000 with it.

/// Words of bits to begin with.
const FIRST_WORDS: usize = 8;
/// So many hashes are told to a word, until there is a filter of so many times its words.
const TOLD: usize = 4;
const GROWTH: usize = 4;

/// Takes memory as hashes come, up to a most.
#[derive(Default)]
pub(super) struct Seen {
    /// Each of so many times the words of the one before it.
    filters: Vec<Filter>,
    /// How many hashes the last one was told.
    told: usize,
}

impl Seen {
    /// The most words that bits may take where operators have so much memory: a sixteenth of it.
    pub(super) fn most_words(memory: usize) -> usize {
        memory / 16 / size_of::<u64>()
    }

    /// A hash is there from now on.
    pub(super) fn note(&mut self, hash: u64, most_words: usize) {
        if self.perhaps(hash) {
            return;
        }
        let words = self.filters.last().map_or(0, Filter::words);
        if words == 0 || (self.told >= words * TOLD && GROWTH * words <= most_words) {
            self.filters.push(Filter::of_words((GROWTH * words).max(FIRST_WORDS)));
            self.told = 0;
        }
        self.told += 1;
        self.filters.iter_mut().next_back().into_iter().for_each(|filter| filter.note(hash));
    }

    /// May it be there?
    pub(super) fn perhaps(&self, hash: u64) -> bool {
        self.filters.iter().any(|filter| filter.perhaps(hash))
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.filters.iter().map(|filter| filter.words() * size_of::<u64>()).sum()
    }
}

struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    /// With so many words, a power of two.
    fn of_words(words: usize) -> Filter {
        Filter { bits: vec![0; words] }
    }

    fn words(&self) -> usize {
        self.bits.len()
    }

    fn places(&self, hash: u64) -> [(usize, u64); 2] {
        // The hash's lowest bits are the place in tables, its highest ones the worker: these are others.
        [hash, hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)].map(|hash| {
            let at = (hash >> 20) as usize & (self.bits.len() * 64 - 1);
            (at / 64, 1 << (at % 64))
        })
    }

    fn note(&mut self, hash: u64) {
        self.places(hash).iter().for_each(|&(at, bit)| self.bits[at] |= bit);
    }

    fn perhaps(&self, hash: u64) -> bool {
        self.places(hash).iter().all(|&(at, bit)| self.bits[at] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn it_takes_memory_as_hashes_come_whatever_it_may_take() {
        let most = Seen::most_words(usize::MAX);
        let mut seen = Seen::default();
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(seen.bytes(), 0);
        (0..10_000).for_each(|n| seen.note(hash(n), most));
        assert!((0..10_000).all(|n| seen.perhaps(hash(n))));
        assert!(seen.bytes() < 64 << 10, "{}", seen.bytes());
        let wrong = (10_000..20_000).filter(|n| seen.perhaps(hash(*n))).count();
        assert!(wrong < 1_500, "{wrong}");
    }
}
