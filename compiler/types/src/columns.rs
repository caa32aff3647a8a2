//! The columns of a stream, found by their names: of records with thousands of fields, each name is looked up as fast as of
//! small ones. Most stages pass columns through as they are: points of a pipeline share them, and a stage that changes them
//! works on a copy of its own.

use crate::hash::{HashMap, with_room};
use crate::stream::Column;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

/// Up to so many columns are looked through one by one, which is faster.
const FEW: usize = 16;

/// Columns in order. Whoever changes them works on the list; where names stand is found again behind that.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    all: Arc<Vec<Column>>,
    /// Where each name stands, once somebody asks.
    places: OnceLock<Arc<HashMap<Arc<str>, Vec<usize>>>>,
}

impl Columns {
    /// Those of this name, in order.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = (usize, &'s Column)> + 's {
        let (few, many) = match self.all.len() {
            ..=FEW => (&self.all[..], &[][..]),
            _ => (&[][..], self.places().get(name).map_or(&[][..], Vec::as_slice)),
        };
        let few = few.iter().enumerate().filter(move |(_, column)| *column.name == *name);
        few.chain(many.iter().map(|place| (*place, &self.all[*place])))
    }

    fn places(&self) -> &HashMap<Arc<str>, Vec<usize>> {
        self.places.get_or_init(|| {
            let mut places: HashMap<Arc<str>, Vec<usize>> = with_room(self.all.len());
            for (place, column) in self.all.iter().enumerate() {
                places.entry(column.name.clone()).or_default().push(place);
            }
            Arc::new(places)
        })
    }
}

impl Deref for Columns {
    type Target = Vec<Column>;

    fn deref(&self) -> &Vec<Column> {
        &self.all
    }
}

impl DerefMut for Columns {
    fn deref_mut(&mut self) -> &mut Vec<Column> {
        self.places.take();
        Arc::make_mut(&mut self.all)
    }
}

impl From<Vec<Column>> for Columns {
    fn from(all: Vec<Column>) -> Columns {
        Columns { all: Arc::new(all), places: OnceLock::new() }
    }
}

impl<'s> IntoIterator for &'s Columns {
    type Item = &'s Column;
    type IntoIter = std::slice::Iter<'s, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl<'s> IntoIterator for &'s mut Columns {
    type Item = &'s mut Column;
    type IntoIter = std::slice::IterMut<'s, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.deref_mut().iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_syntax::Span;

    fn column(name: String) -> Column {
        let span = Span::default();
        Column {
            name: name.into(),
            ty: None,
            side: None,
            side_at: None,
            origin: span,
            written: None,
            optional_by: None,
            id: 0,
        }
    }

    #[test]
    fn names_are_found_in_few_and_in_many_columns_also_behind_a_change() {
        for count in [0, 3, FEW, FEW + 1, 100] {
            // Each name stands twice.
            let mut columns: Columns =
                (0..count).map(|at| column(format!("f{}", at / 2))).collect::<Vec<_>>().into();
            let places =
                |columns: &Columns, name: &str| columns.named(name).map(|(at, _)| at).collect::<Vec<_>>();
            let all = |columns: &Columns, name: &str| {
                let found = columns.iter().enumerate().filter(|(_, column)| *column.name == *name);
                found.map(|(at, _)| at).collect::<Vec<_>>()
            };
            for name in ["f0", "f1", "f8", "f49", "x"] {
                assert_eq!(places(&columns, name), all(&columns, name), "{name} of {count}");
            }
            columns.push(column("x".into()));
            assert_eq!(places(&columns, "x"), [count], "{count}");
        }
    }
}
