//! What stands around a job that is killed: files of rows, in folders and packed, and what a reader sees of a sink.

use super::cases::{Packing, Row, line};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

fn failed(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Writes the rows of a source: one file, or a folder of so many, among which they are dealt in turn.
pub(super) fn write_source(path: &Path, rows: &[Row], files: usize, packing: Packing) -> Result<(), String> {
    let text = |first: usize| rows.iter().skip(first).step_by(files).map(line).collect::<String>();
    if files == 1 && packing == Packing::None {
        return fs::write(path, text(0)).map_err(failed(path));
    }
    fs::create_dir(path).map_err(failed(path))?;
    for file in 0..files {
        let (text, way) = (text(file), if packing == Packing::Some { file % 3 } else { 2 });
        let (bytes, end) = match way {
            0 => (gzip(text.as_bytes()), ".gz"),
            1 => (zstd::encode_all(text.as_bytes(), 1), ".zst"),
            _ => (Ok(text.into_bytes()), ""),
        };
        let path = path.join(format!("{file}.ndjson{end}"));
        bytes.and_then(|bytes| fs::write(&path, bytes)).map_err(failed(&path))?;
    }
    Ok(())
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
            let text = read(&path).map_err(failed(&path))?;
            if !text.is_empty() && !text.ends_with('\n') {
                return Err(format!("{} ends in the middle of a row", path.display()));
            }
            rows.extend(text.lines().map(str::to_string));
        }
    }
    Ok(rows)
}

fn read(path: &Path) -> std::io::Result<String> {
    let bytes = fs::read(path)?;
    let mut text = String::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text)?,
        Some("zst") => zstd::Decoder::new(&bytes[..])?.read_to_string(&mut text)?,
        _ => (&bytes[..]).read_to_string(&mut text)?,
    };
    Ok(text)
}
