//! Puts declarations in an order in which each stands behind those it needs, and finds circles.
//! Works on indexes only; no recursion, so ten thousand chained declarations are fine.

/// An order of `0..edges.len()` with needs first, and the circles that had to be cut: each a list
/// of nodes in which each needs the next and the last needs the first.
pub(crate) fn order(edges: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; edges.len()];
    let mut sorted = Vec::with_capacity(edges.len());
    let mut cycles = Vec::new();
    for start in 0..edges.len() {
        if state[start] != NEW {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = OPEN;
        while let Some((node, next)) = path.last_mut() {
            if let Some(&need) = edges[*node].get(*next) {
                *next += 1;
                match state[need] {
                    NEW => {
                        state[need] = OPEN;
                        path.push((need, 0));
                    }
                    OPEN => {
                        let from = path.iter().position(|(n, _)| *n == need).unwrap_or(0);
                        cycles.push(path[from..].iter().map(|(n, _)| *n).collect());
                    }
                    _ => {}
                }
            } else {
                state[*node] = DONE;
                sorted.push(*node);
                path.pop();
            }
        }
    }
    (sorted, cycles)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn needs_stand_before_their_users() {
        let (sorted, cycles) = order(&[vec![2], vec![], vec![1]]);
        assert_eq!(sorted, [1, 2, 0]);
        assert!(cycles.is_empty());
    }

    #[test]
    fn a_circle_is_found_once_and_all_its_members_are_still_ordered() {
        let (sorted, cycles) = order(&[vec![1], vec![0], vec![2]]);
        assert_eq!(sorted.len(), 3);
        assert_eq!(cycles, [vec![0, 1], vec![2]]);
    }

    #[test]
    fn a_hundred_thousand_declarations_in_a_chain_do_not_recurse() {
        let edges: Vec<_> =
            (0..100_000).map(|i| if i + 1 < 100_000 { vec![i + 1] } else { vec![] }).collect();
        assert_eq!(order(&edges).0.len(), 100_000);
    }
}
