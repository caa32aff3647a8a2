//! What it takes before the first row: checking a script of 1,000 lines, and a word count of one
//! line from process start to process end. The least of many runs, in milliseconds.

use crate::contenders::{Places, remove};
use flow_benches::measure::run;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const RUNS: usize = 20;

/// A Markdown table.
pub(crate) fn table(places: &Places) -> Result<String, String> {
    let folder = places.data.join("start");
    remove(&folder)?;
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let flow = places.bins.join("flow");
    let process = least(&flow, &folder, &["--version"])?;

    let mut checks = Vec::new();
    for (what, unused) in [("nothing wrong", false), ("220 warnings", true)] {
        let script = thousand_lines(unused);
        std::fs::write(folder.join("big.flow"), &script).map_err(failed)?;
        checks.push((what, script.lines().count(), least(&flow, &folder, &["check", "big.flow"])?));
    }

    std::fs::write(folder.join("words.txt"), "one line of words\n").map_err(failed)?;
    std::fs::copy(places.scripts.join("words.flow"), folder.join("words.flow")).map_err(failed)?;
    let words = least(&flow, &folder, &["run", "words.flow", "--fresh", "--parallelism", "1"])?;
    remove(&folder)?;

    let mut text = String::from("| from process start to its end | ms |\n|---|---:|\n");
    let _ = writeln!(text, "| `flow --version` | {process:.1} |");
    for (what, lines, check) in checks {
        let _ = writeln!(text, "| `flow check`, {lines} lines, {what} | {check:.1} |");
    }
    let _ = writeln!(text, "| `flow run`, word count of one line into a file | {words:.1} |");
    Ok(text)
}

fn least(flow: &Path, folder: &Path, args: &[&str]) -> Result<f64, String> {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        remove(&folder.join("out"))?;
        remove(&folder.join(".flow"))?;
        let mut command = Command::new(flow);
        let (used, _) = run(command.args(args).current_dir(folder), &format!("flow {}", args.join(" ")))?;
        least = least.min(used.wall * 1000.0);
    }
    Ok(least)
}

/// A correct script of 1,000 lines: one source, and 110 streams with their sinks. Two fields of each are `unused`, or read.
fn thousand_lines(unused: bool) -> String {
    let read = if unused { "" } else { ", top, notes" };
    let notes = if unused { "" } else { ", notes: countDistinct(note)" };
    let mut text = String::from(
        "type Bid = { auction: int, bidder: int, price: int, channel: string, extra: string? }\n\
         source bids: Bid = file(\"bids.ndjson\", format: json)\n\
         fn usd(cents: int) -> float = cents / 100.0\n",
    );
    for i in 0..110 {
        let _ = write!(
            text,
            "\nstream s{i} = bids\n  \
               |> filter(price > {i} and channel != \"c{i}\" or extra != null)\n  \
               |> map {{ auction, dollars: usd(price) * 1.{i}, note: extra ?? \"none {{bidder}}\", .. }}\n  \
               |> keyBy(auction, channel)\n  \
               |> trigger(atEnd)\n  \
               |> aggregate {{ n: count(where: price % 2 == 0), total: sum(dollars), top: max(price){notes} }}\n\
             sink k{i} = s{i} |> filter(n > {i}) |> map {{ auction, mean: total / n, label: upper(channel){read} }}\n  \
               -> blackhole()\n"
        );
    }
    while text.lines().count() < 1000 {
        text.push_str("// one more line\n");
    }
    text
}
