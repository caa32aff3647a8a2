//! Batches one behind the other as one batch.

use crate::batch::{Batch, Origin};
use crate::column::{Column, ColumnData};
use std::sync::Arc;

impl Column {
    /// Appends the rows of another column of the same type.
    ///
    /// # Panics
    /// If the types differ.
    pub fn append(&mut self, other: &Column) {
        let before = self.len();
        match (&mut self.data, &other.data) {
            (ColumnData::Bool(a), ColumnData::Bool(b)) => a.extend_from_slice(b),
            (ColumnData::I64(a), ColumnData::I64(b)) => a.extend_from_slice(b),
            (ColumnData::F64(a), ColumnData::F64(b)) => a.extend_from_slice(b),
            (ColumnData::Decimal(a), ColumnData::Decimal(b)) => a.extend_from_slice(b),
            (ColumnData::Str(a), ColumnData::Str(b)) => a.append(b),
            (ColumnData::Bytes(a), ColumnData::Bytes(b)) => a.append(b),
            (ColumnData::Any(a), ColumnData::Any(b)) => a.extend_from_slice(b),
            _ => unreachable!("columns of different types, one behind the other"),
        }
        match (&mut self.validity, &other.validity) {
            (None, None) => {}
            (Some(a), Some(b)) => a.extend_from_slice(b),
            (Some(a), None) => a.resize(before + other.len(), 1),
            (none, Some(b)) => {
                let mut validity = vec![1; before];
                validity.extend_from_slice(b);
                *none = Some(validity);
            }
        }
    }
}

impl Batch {
    /// All rows of batches of one schema, in order.
    pub fn concat(batches: Vec<Batch>) -> Batch {
        let mut batches = batches.into_iter();
        let Some(first) = batches.next() else {
            return Batch::default();
        };
        if batches.len() == 0 {
            return first;
        }
        // For the messages about them, rows keep where they stood, if all of them have that.
        let origins = std::iter::once(&first).chain(batches.as_slice());
        let origins: Option<Vec<(Origin, usize)>> =
            origins.map(|batch| Some((batch.origin.clone()?, batch.len))).collect();
        let mut len = first.len;
        let mut columns: Vec<Column> = first.columns.into_iter().map(Arc::unwrap_or_clone).collect();
        for batch in batches {
            len += batch.len;
            columns.iter_mut().zip(&batch.columns).for_each(|(all, more)| all.append(more));
        }
        let origin = origins.map(|origins| Origin::concat(&origins));
        Batch { origin, ..Batch::new(len, columns.into_iter().map(Arc::new).collect()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Text;
    use flow_plan::{DataType, Field, RecordType, Value};

    #[test]
    fn rows_keep_where_they_stood_if_all_of_them_have_that() {
        let text = |name: &str, raw: &str| Text {
            name: name.into(),
            buffer: Arc::new(raw.as_bytes().to_vec()),
            base: 0,
            starts: vec![0, 2, 4],
            lines: Vec::new(),
        };
        let rows = || Batch { len: 3, ..Batch::default() };
        let of = |name, raw| Batch { origin: Some(Origin::new(text(name, raw))), ..rows() };
        let first = Batch::concat(vec![of("a", "0\n1\n2\n"), of("b", "3\n4\n5\n").gather(&[2, 0])]);
        let all = Batch::concat(vec![first.gather(&[4, 1]), of("c", "6\n7\n8\n")]);
        let origin = all.origin.as_ref().unwrap();
        let told = |row| (origin.name(row), origin.raw(row), origin.offset(row));
        assert_eq!(told(0), ("b", &b"3"[..], 0));
        assert_eq!(told(1), ("a", &b"1"[..], 2));
        assert_eq!(told(4), ("c", &b"8"[..], 4));
        assert!(Batch::concat(vec![first, rows()]).origin.is_none());
    }

    #[test]
    fn rows_stand_one_behind_the_other_with_their_nulls() {
        let schema = RecordType::new(vec![Field::new("s", DataType::String.optional())]);
        let row = |text: &str| vec![Value::string(text)];
        let rows = [row("a"), row("a long text that is not inline"), vec![Value::Null]];
        let parts = rows.iter().map(|row| Batch::from_rows(std::slice::from_ref(row), &schema)).collect();
        let all = Batch::concat(parts);
        assert_eq!(all.len, 3);
        assert_eq!(format!("{:?}", all.row(1, &schema)), format!("{:?}", rows[1]));
        assert!(all.row(2, &schema)[0].is_null());
        assert!(all.columns[0].is_valid(0));
    }

    #[test]
    fn buffers_that_batches_share_are_kept_few() {
        let schema = RecordType::new(vec![Field::new("s", DataType::String)]);
        let of = |n: usize| {
            Batch::from_rows(&[vec![Value::string(format!("a text of its own, number {n}"))]], &schema)
        };
        let different: Vec<Batch> = (0..100).map(of).collect();
        let again = (0..100).flat_map(|_| different.iter().cloned());
        let all = Batch::concat(again.collect());
        let ColumnData::Str(texts) = &all.columns[0].data else { unreachable!() };
        assert!((0..all.len).all(|row| texts.get(row).ends_with(&format!(" {}", row % 100))));
        assert!(texts.column().buffers().len() <= 256, "{}", texts.column().buffers().len());
    }
}
