//! A table as json lines: values as a json sink writes them.

use crate::state::Table;
use flow_plan::functions::json::{write as write_value, write_string};
use std::io::{self, Write};

/// What a line's table is called in it, if there are several.
const TABLE: &str = "·table";

/// So many bytes are collected before they are written.
const PIECE: usize = 1 << 16;

pub(super) fn write(table: &Table, named: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut heads: Vec<String> = Vec::new();
    for field in &table.schema.fields {
        let mut head = String::new();
        write_string(&mut head, &field.name);
        head.push(':');
        heads.push(head);
    }
    let mut text = String::new();
    for batch in &table.rows {
        for row in 0..batch.len {
            text.push('{');
            if named {
                write_string(&mut text, TABLE);
                text.push(':');
                write_string(&mut text, &table.name);
            }
            for (at, field) in table.schema.fields.iter().enumerate() {
                if named || at > 0 {
                    text.push(',');
                }
                text.push_str(&heads[at]);
                write_value(&mut text, &batch.columns[at].value(row, &field.ty), &field.ty);
            }
            text.push_str("}\n");
            if text.len() >= PIECE {
                out.write_all(text.as_bytes())?;
                text.clear();
            }
        }
    }
    out.write_all(text.as_bytes())
}
