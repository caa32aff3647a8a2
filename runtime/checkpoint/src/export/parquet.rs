//! A table as a parquet file, written by hand: plain encoding, no compression, one page a batch. The crate that reads and
//! writes all of parquet would be the longest to build of all.

use super::columns::{page, storage};
use super::thrift::Compact;
use crate::state::Table;
use flow_data::{BATCH_ROWS, Batch};
use flow_plan::{DataType, Field};
use std::io::{self, Write};

const MAGIC: &[u8; 4] = b"PAR1";

/// Rows of a page: some batches of checkpoints are a whole table.
const PAGE_ROWS: usize = 4 * BATCH_ROWS;

/// Pages of a row group.
const GROUP_PAGES: usize = 16;

const PLAIN: i32 = 0;
const RLE: i32 = 3;
const UNCOMPRESSED: i32 = 0;
const DATA_PAGE: i32 = 0;
const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;

/// Where a column of a row group stands.
struct Chunk {
    at: u64,
    len: u64,
}

struct Group {
    rows: u64,
    chunks: Vec<Chunk>,
}

struct ColumnOut<'a> {
    field: &'a Field,
    optional: bool,
}

pub(super) fn write(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let nulls = |at: usize| table.rows.iter().any(|batch| batch.columns[at].validity.is_some());
    let fields = table.schema.fields.iter().enumerate();
    let columns: Vec<ColumnOut<'_>> = fields
        .map(|(at, field)| ColumnOut {
            field,
            optional: matches!(field.ty, DataType::Optional(_)) || nulls(at),
        })
        .collect();
    out.write_all(MAGIC)?;
    let mut at = MAGIC.len() as u64;
    let mut groups = Vec::new();
    let pages: Vec<Batch> = table.rows.iter().filter(|batch| batch.len > 0).flat_map(cut).collect();
    for pages in pages.chunks(GROUP_PAGES) {
        groups.push(write_group(pages, &columns, &mut at, out)?);
    }
    let meta = metadata(&columns, &groups);
    out.write_all(&meta)?;
    out.write_all(&(meta.len() as u32).to_le_bytes())?;
    out.write_all(MAGIC)
}

/// A batch in pieces of the length of a page.
fn cut(batch: &Batch) -> Vec<Batch> {
    if batch.len <= PAGE_ROWS {
        return vec![batch.clone()];
    }
    let rows: Vec<u32> = (0..batch.len as u32).collect();
    rows.chunks(PAGE_ROWS).map(|rows| batch.gather(rows)).collect()
}

fn write_group(
    pages: &[Batch],
    columns: &[ColumnOut<'_>],
    at: &mut u64,
    out: &mut dyn Write,
) -> io::Result<Group> {
    let mut chunks = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        let start = *at;
        for batch in pages {
            let body = page(&batch.columns[number], &column.field.ty, column.optional);
            let size = i32::try_from(body.len())
                .map_err(|_| io::Error::other("a page of a parquet file would be larger than 2 GiB"))?;
            let head = page_header(batch.len as i32, size);
            out.write_all(&head)?;
            out.write_all(&body)?;
            *at += (head.len() + body.len()) as u64;
        }
        chunks.push(Chunk { at: start, len: *at - start });
    }
    Ok(Group { rows: pages.iter().map(|batch| batch.len as u64).sum(), chunks })
}

fn page_header(rows: i32, size: i32) -> Vec<u8> {
    let mut head = Compact::default();
    head.begin();
    head.i32(1, DATA_PAGE);
    head.i32(2, size);
    head.i32(3, size);
    head.structure(5);
    head.i32(1, rows);
    head.i32(2, PLAIN);
    head.i32(3, RLE);
    head.i32(4, RLE);
    head.end();
    head.end();
    head.bytes
}

fn metadata(columns: &[ColumnOut<'_>], groups: &[Group]) -> Vec<u8> {
    let mut meta = Compact::default();
    meta.begin();
    meta.i32(1, 1);
    meta.list_of_structs(2, columns.len() + 1);
    meta.begin();
    meta.text(4, "schema");
    meta.i32(5, columns.len() as i32);
    meta.end();
    for ColumnOut { field, optional } in columns {
        let storage = storage(&field.ty);
        meta.begin();
        meta.i32(1, storage.physical);
        meta.i32(3, if *optional { OPTIONAL } else { REQUIRED });
        meta.text(4, &field.name);
        if let Some(meaning) = storage.meaning {
            meta.i32(6, meaning);
        }
        meta.end();
    }
    meta.i64(3, groups.iter().map(|group| group.rows as i64).sum());
    meta.list_of_structs(4, groups.len());
    groups.iter().for_each(|group| write_group_meta(group, columns, &mut meta));
    meta.text(6, "flow");
    meta.end();
    meta.bytes
}

fn write_group_meta(group: &Group, columns: &[ColumnOut<'_>], meta: &mut Compact) {
    meta.begin();
    meta.list_of_structs(1, columns.len());
    for (chunk, column) in group.chunks.iter().zip(columns) {
        meta.begin();
        meta.i64(2, chunk.at as i64);
        meta.structure(3);
        meta.i32(1, storage(&column.field.ty).physical);
        meta.list_of_i32(2, &[PLAIN, RLE]);
        meta.list_of_texts(3, &[&column.field.name]);
        meta.i32(4, UNCOMPRESSED);
        meta.i64(5, group.rows as i64);
        meta.i64(6, chunk.len as i64);
        meta.i64(7, chunk.len as i64);
        meta.i64(9, chunk.at as i64);
        meta.end();
        meta.end();
    }
    meta.i64(2, group.chunks.iter().map(|chunk| chunk.len as i64).sum());
    meta.i64(3, group.rows as i64);
    meta.end();
}
