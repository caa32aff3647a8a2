//! Names that look alike, for "did you mean". Knows nothing of what the names are of.

/// The name that is nearest to a wrong one, if it is near enough to be meant.
pub(crate) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let folded = wrong.to_lowercase();
    // All names of one letter are one edit apart.
    let letters = wrong.chars().count();
    let limit = if letters < 2 { 0 } else { (letters / 3).max(1) };
    names
        .map(|name| (distance(&folded, &name.to_lowercase()), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut costs: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut costs[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(costs[j] + 1).min(costs[j + 1] + 1);
            diagonal = std::mem::replace(&mut costs[j + 1], cost);
        }
    }
    costs[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("prize", ["price", "auction"].into_iter()), Some("price"));
        assert_eq!(nearest("Price", ["price"].into_iter()), Some("price"));
        assert_eq!(nearest("bidder", ["price", "auction"].into_iter()), None);
    }
}
