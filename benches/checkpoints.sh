#!/usr/bin/env bash
# What a checkpoint every second costs: CPU seconds (user + system) of jobs with it, against `checkpoint: off`, on one worker.
#   benches/checkpoints.sh FLOW FOLDER [ROUNDS]
# FLOW: a release build of `flow`; FOLDER: what `cargo xtask bench` makes, with `bids.ndjson` and `words.txt`.
set -euo pipefail
flow=$(realpath "$1") data=$(realpath "$2") rounds=${3:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bids="type Bid = { auction: int, bidder: int, price: int, dateTime: timestamp }
source bids: Bid = file(\"$data/bids.ndjson\", format: json) |> eventTime(dateTime, delay: 4s)"
# Three times over: once is done before the first checkpoint is due.
mkdir words
for copy in 1 2 3; do ln -s "$data/words.txt" "words/$copy.txt"; done
words="source lines = file(\"words/*.txt\", format: text)"
declare -A job=(
  [q5]="$bids
sink out = bids |> keyBy(auction) |> window(sliding(10s, every: 2s)) |> count() as num"
  [q11]="$bids
sink out = bids |> keyBy(bidder) |> window(session(gap: 10s)) |> count() as n"
  [q18]="$bids
sink out = bids |> keyBy(bidder, auction) |> trigger(atEnd) |> latest(by: dateTime)"
  [words]="$words
sink out = lines |> flatMap(word in split(line, \" \")) |> keyBy(word) |> trigger(atEnd) |> count() as n"
)
cpu() { # NAME CHECKPOINT: CPU seconds of one run
  printf 'job j { checkpoint: %s, parallelism: 1 }\n%s\n  -> file("out", format: json, mode: overwrite)\n' "$2" "${job[$1]}" > j.flow
  rm -rf .flow out
  TIMEFORMAT='%U %S'
  { time "$flow" run j.flow 2> said.txt; } 2>&1 | awk '{ print $1 + $2 }'
}
printf '| job | off | every second | ratio | ratio of the middle ones | last epoch |\n|---|---:|---:|---:|---:|---:|\n'
for name in q5 q11 q18 words; do
  off=() on=()
  for ((round = 0; round < rounds; round++)); do
    # In turns, each first as often as the other: what ran before leaves caches and memory as it likes.
    ((round % 2)) || off+=("$(cpu "$name" off)")
    on+=("$(cpu "$name" 1s)")
    epoch=$(ls -d .flow/j/chk-* | sed 's/.*chk-//; s/-.*//' | sort -n | tail -1)
    ((round % 2)) && off+=("$(cpu "$name" off)")
  done
  # The best of the rounds, since noise only adds; and the middle one.
  sorted() { printf '%s\n' "$@" | sort -n; }
  paste -d' ' <(sorted "${off[@]}") <(sorted "${on[@]}") | awk -v name="$name" -v epoch="$epoch" '
    { off[NR] = $1; on[NR] = $2 }
    END { m = int((NR + 1) / 2); printf "| %s | %.2f | %.2f | %.2f | %.2f | %d |\n", name, off[1], on[1], on[1] / off[1], on[m] / off[m], epoch }'
done
