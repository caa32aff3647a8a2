//! Random expressions and chains a second: `cargo run --release -p flow-codegen --example differential`.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

fn main() {
    let start = std::time::Instant::now();
    let tally = flow_codegen::differential::run(77, 20_000).unwrap_or_else(|report| panic!("{report}"));
    let speed = 20_000.0 / start.elapsed().as_secs_f64();
    println!("{tally:?}: {speed:.0} a second");
}
