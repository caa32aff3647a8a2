//! `partitionBy:`: which subfolder each row belongs to. Fields stay in the rows.

use flow_data::Batch;
use flow_engine::sink::SinkError;
use flow_plan::eval::convert::to_text;
use flow_plan::{DataType, RecordType};
use std::collections::HashMap;
use std::fmt::Write;

/// The fields that name subfolders.
pub(crate) struct Partition {
    fields: Vec<(usize, String, DataType)>,
}

impl Partition {
    /// By fields of these names.
    pub(crate) fn new(names: &[String], schema: &RecordType) -> Result<Partition, SinkError> {
        let field = |name: &String| match schema.position(name) {
            Some(i) => Ok((i, name.clone(), schema.fields[i].ty.unwrapped().clone())),
            None => Err(SinkError::Open(format!("partitionBy: the rows have no field `{name}`"))),
        };
        Ok(Partition { fields: names.iter().map(field).collect::<Result<_, _>>()? })
    }

    /// Are there none?
    pub(crate) fn is_none(&self) -> bool {
        self.fields.is_empty()
    }

    /// The rows of each subfolder, subfolders in the order of their first rows.
    pub(crate) fn split(&self, batch: &Batch) -> Vec<(String, Vec<u32>)> {
        let mut found: HashMap<String, usize> = HashMap::new();
        let mut parts: Vec<(String, Vec<u32>)> = Vec::new();
        let mut path = String::new();
        for row in 0..batch.len {
            self.path(batch, row, &mut path);
            let part = match found.get(&path) {
                Some(&part) => part,
                None => {
                    found.insert(path.clone(), parts.len());
                    parts.push((path.clone(), Vec::new()));
                    parts.len() - 1
                }
            };
            parts[part].1.push(row as u32);
        }
        parts
    }

    fn path(&self, batch: &Batch, row: usize, path: &mut String) {
        path.clear();
        for (i, (column, name, ty)) in self.fields.iter().enumerate() {
            if i > 0 {
                path.push('/');
            }
            escape(name, path);
            path.push('=');
            let column = &batch.columns[*column];
            if !column.is_valid(row) {
                path.push_str("__null__");
                continue;
            }
            // Only bytes that are no text have none; they stand as what they are in hexadecimal.
            let text = to_text(&column.value(row, ty), ty)
                .unwrap_or_else(|_| format!("{:?}", column.value(row, ty)));
            escape(&text, path);
        }
    }
}

/// Letters that a file name cannot hold everywhere become `%XX`.
pub(crate) fn escape(text: &str, path: &mut String) {
    for c in text.chars() {
        let plain = !c.is_control() && !r#"/\:*?"<>|%="#.contains(c);
        if plain && !(path.ends_with('=') && c == '.') {
            path.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}
