//! What stands around a job that is killed: files of rows, in folders and packed, and what a reader sees of a sink.

use super::cases::{PADDING, Packing, Row, line};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

fn failed(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Writes the rows of a source: one file, or a folder of so many, among which they are dealt in turn.
pub(super) fn write_source(path: &Path, rows: &[Row], files: usize, packing: Packing) -> Result<(), String> {
    let text = |first: usize| {
        let rows = rows.iter().skip(first).step_by(files);
        rows.map(|row| line(row, PADDING)).collect::<String>()
    };
    if files == 1 && packing == Packing::None {
        return fs::write(path, text(0)).map_err(failed(path));
    }
    fs::create_dir(path).map_err(failed(path))?;
    for file in 0..files {
        let (bytes, end) = packed(text(file), file, packing).map_err(failed(path))?;
        let path = path.join(format!("{file}.ndjson{end}"));
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    Ok(())
}

/// The bytes of the file of this number, and how its name goes on.
pub(crate) fn packed(
    text: String,
    number: usize,
    packing: Packing,
) -> std::io::Result<(Vec<u8>, &'static str)> {
    Ok(match if packing == Packing::Some { number % 3 } else { 2 } {
        0 => (gzip(text.as_bytes())?, ".gz"),
        1 => (zstd::encode_all(text.as_bytes(), 1)?, ".zst"),
        _ => (text.into_bytes(), ""),
    })
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes)?;
    gzip.finish()
}

/// What a reader of the sink's folder sees: every row of every visible file, each of which is whole.
pub(super) fn shown(out: &Path) -> Result<Vec<String>, String> {
    let mut rows = Vec::new();
    let mut open: Vec<PathBuf> = vec![out.into()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.map_err(failed(&dir))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(failed(&path))?;
            rows.extend(rows_of(&path, &bytes)?);
        }
    }
    Ok(rows)
}

/// The rows of a visible file, which must be whole.
pub(crate) fn rows_of(path: &Path, bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = unpacked(path, bytes).map_err(failed(path))?;
    match text.is_empty() || text.ends_with('\n') {
        true => Ok(text.lines().map(str::to_string).collect()),
        false => Err(format!("{} ends in the middle of a row", path.display())),
    }
}

fn unpacked(path: &Path, mut bytes: &[u8]) -> std::io::Result<String> {
    let mut text = String::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text)?,
        Some("zst") => zstd::Decoder::new(bytes)?.read_to_string(&mut text)?,
        _ => bytes.read_to_string(&mut text)?,
    };
    Ok(text)
}
