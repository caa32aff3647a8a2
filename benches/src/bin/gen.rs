//! `gen bids|words COUNT FILE [--seed S]`: writes benchmark data.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::fs::File;
use std::io::{self, BufWriter, Write};

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::other("gen bids|words COUNT FILE [--seed S]");
    let [kind, count, file, rest @ ..] = args.as_slice() else { return Err(usage()) };
    let count: u64 = count.replace('_', "").parse().map_err(|_| usage())?;
    let seed = match rest {
        [] => 1,
        [flag, seed] if flag == "--seed" => seed.parse().map_err(|_| usage())?,
        _ => return Err(usage()),
    };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    match kind.as_str() {
        "bids" => flow_benches::bids::write(&mut out, count, seed)?,
        "words" => flow_benches::words::write(&mut out, count, seed)?,
        _ => return Err(usage()),
    }
    out.flush()
}
