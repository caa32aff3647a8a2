//! Text whose word frequencies follow Zipf's law (exponent 1) over a made-up vocabulary: frequent
//! words are short, rare ones long, one word in a hundred is longer than 16 bytes. Words are joined
//! by one blank, 8 to 15 a line.

use crate::random::Random;
use std::collections::HashSet;
use std::io::{self, Write};

const VOCABULARY: usize = 500_000;

/// Writes `count` words.
pub fn write(out: &mut impl Write, count: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let vocabulary = vocabulary(&mut random, VOCABULARY);
    let zipf = Zipf::new(VOCABULARY);
    let mut line = Vec::with_capacity(256);
    let mut left = count;
    while left > 0 {
        line.clear();
        let words = (8 + random.below(8)).min(left);
        left -= words;
        for i in 0..words {
            if i > 0 {
                line.push(b' ');
            }
            line.extend_from_slice(vocabulary[zipf.draw(&mut random)].as_bytes());
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

fn vocabulary(random: &mut Random, size: usize) -> Vec<String> {
    let mut seen = HashSet::with_capacity(size);
    let mut words = Vec::with_capacity(size);
    while words.len() < size {
        let rank = words.len() as f64 + 1.0;
        let long = random.below(40) == 0 && rank > 1000.0;
        let length =
            if long { 17 + random.below(8) } else { 2 + (rank.log10() * 1.1) as u64 + random.below(3) };
        let word: String = (0..length).map(|_| (b'a' + random.below(26) as u8) as char).collect();
        if seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// Draws ranks with probability proportional to 1 / (rank + 1), by Walker's alias method.
struct Zipf {
    keep: Vec<f64>,
    alias: Vec<u32>,
}

impl Zipf {
    fn new(size: usize) -> Zipf {
        let total: f64 = (1..=size).map(|r| 1.0 / r as f64).sum();
        let mut keep: Vec<f64> = (1..=size).map(|r| size as f64 / (r as f64 * total)).collect();
        let mut alias = vec![0u32; size];
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..size).partition(|i| keep[*i] < 1.0);
        while let (Some(s), Some(l)) = (small.pop(), large.last().copied()) {
            alias[s] = l as u32;
            keep[l] -= 1.0 - keep[s];
            if keep[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        for i in small.into_iter().chain(large) {
            keep[i] = 1.0;
        }
        Zipf { keep, alias }
    }

    fn draw(&self, random: &mut Random) -> usize {
        let slot = random.below(self.keep.len() as u64) as usize;
        if random.unit() < self.keep[slot] { slot } else { self.alias[slot] as usize }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn frequent_words_follow_zipf() {
        let mut text = Vec::new();
        super::write(&mut text, 200_000, 3).unwrap();
        let mut counts = std::collections::HashMap::new();
        for word in text.split(|c| matches!(c, b' ' | b'\n')).filter(|w| !w.is_empty()) {
            *counts.entry(word).or_insert(0u64) += 1;
        }
        assert_eq!(counts.values().sum::<u64>(), 200_000);
        let mut sorted: Vec<u64> = counts.into_values().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let ratio = sorted[0] as f64 / sorted[1] as f64;
        assert!((1.8..2.2).contains(&ratio), "first to second is {ratio}");
    }
}
