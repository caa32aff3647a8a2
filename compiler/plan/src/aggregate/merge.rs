//! Accumulators of parts of the rows (slices of windows, sessions that meet) made one.
//!
//! The rows of `self` count as those that came first. Spreads are merged as Chan, Golub and LeVeque do:
//! with `d = mean' - mean`, the mean becomes `mean + d * (n' / n)`, the squares `s + s' + d * d * (m * n' / n)`
//! where `m` and `n'` are the rows of both and `n` is their sum.

use super::Accumulator;
use crate::error::Fault;
use crate::eval::arith;
use crate::expr::BinaryOp;
use crate::order::compare;

impl Accumulator {
    /// Adds all rows of another accumulator of the same aggregate. A sum that overflows is not changed.
    pub fn merge(&mut self, later: &Accumulator) -> Result<(), Fault> {
        use Accumulator::*;
        match (self, later) {
            (Count(n), Count(more)) => *n += more,
            (Sum(sum), Sum(more)) => *sum = arith::binary(BinaryOp::Add, sum, more)?,
            (AvgInt(sum, n), AvgInt(more, rows)) => (*sum, *n) = (*sum + more, *n + rows),
            (AvgFloat(sum, n), AvgFloat(more, rows)) => (*sum, *n) = (*sum + more, *n + rows),
            (Extreme(best, better), Extreme(other, _)) => {
                if !other.is_null() && (best.is_null() || compare(other, best) == *better) {
                    *best = other.clone();
                }
            }
            (First(first), First(other)) => *first = first.take().or_else(|| other.clone()),
            (Last(last), Last(other)) => *last = other.clone().or_else(|| last.take()),
            (Distinct(seen), Distinct(other)) => seen.extend(other.iter().cloned()),
            (Approx(sketch), Approx(other)) => sketch.merge(other),
            (Collect(values), Collect(other)) => values.extend_from_slice(other),
            (StringJoin(joined, separator), StringJoin(other, _)) => match (&mut *joined, other) {
                (Some(joined), Some(other)) => {
                    joined.push_str(separator);
                    joined.push_str(other);
                }
                (None, other) => joined.clone_from(other),
                (Some(_), None) => {}
            },
            (Arg(best, better), Arg(Some(other), _)) => {
                if best.as_ref().is_none_or(|(place, _)| compare(&other.0, place) == *better) {
                    *best = Some(other.clone());
                }
            }
            (Arg(..), Arg(None, _)) => {}
            (Spread(n, mean, squares, _), Spread(more, other, rest, _)) => {
                if *n == 0 || *more == 0 {
                    if *more > 0 {
                        (*n, *mean, *squares) = (*more, *other, *rest);
                    }
                    return Ok(());
                }
                let (a, b, all) = (*n as f64, *more as f64, (*n + more) as f64);
                let apart = other - *mean;
                *mean += apart * (b / all);
                *squares += rest + apart * apart * (a * b / all);
                *n += more;
            }
            (Percentile(values, _), Percentile(other, _)) => values.extend_from_slice(other),
            (Bool(so_far, and), Bool(other, _)) => {
                *so_far = match (*so_far, *other) {
                    (Some(x), Some(y)) => Some(if *and { x && y } else { x || y }),
                    (x, y) => x.or(y),
                };
            }
            _ => return Err(Fault::untyped()),
        }
        Ok(())
    }
}
