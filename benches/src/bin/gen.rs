//! Writes benchmark data: `gen bids|words COUNT FILE [--seed S]`,
//! `gen nexmark EVENTS FOLDER [--seed S] [--gap MICROS] [--disorder MILLIS] [--side ROWS]`.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use flow_benches::nexmark::Shape;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

fn usage() -> io::Error {
    io::Error::other(
        "gen bids|words COUNT FILE [--seed S]\n\
         gen nexmark EVENTS FOLDER [--seed S] [--gap MICROS] [--disorder MILLIS] [--side ROWS]",
    )
}

fn number(text: &str) -> io::Result<u64> {
    text.replace('_', "").parse().map_err(|_| usage())
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, count, target, options @ ..] = args.as_slice() else { return Err(usage()) };
    let mut shape = Shape::of(number(count)?);
    for option in options.chunks(2) {
        let [flag, value] = option else { return Err(usage()) };
        let value = number(value)?;
        match (flag.as_str(), kind.as_str()) {
            ("--seed", _) => shape.seed = value,
            ("--gap", "nexmark") => shape.gap = value,
            ("--disorder", "nexmark") => shape.disorder = value,
            ("--side", "nexmark") => shape.side = value,
            _ => return Err(usage()),
        }
    }
    if kind == "nexmark" {
        return flow_benches::nexmark::write(Path::new(target), shape);
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(target)?);
    match kind.as_str() {
        "bids" => flow_benches::bids::write(&mut out, shape.events, shape.seed)?,
        "words" => flow_benches::words::write(&mut out, shape.events, shape.seed)?,
        _ => return Err(usage()),
    }
    out.flush()
}
