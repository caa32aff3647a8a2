#!/usr/bin/env bash
# Helix in a terminal of its own, driving the `flow` that FLOW_BIN names. HX names another Helix than the one on the path.
# Not a part of `cargo xtask test`: Debian has Helix from 13 on (package `hx`), and Ubuntu's long-term release has none.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
: "${FLOW_BIN:?names no flow: run cargo xtask test, or set it}"
hx=${HX:-hx}
command -v "$hx" > /dev/null || { echo "install Helix (Debian 13: hx), or let HX name it" >&2; exit 1; }

# Nothing of the person who runs it; the steps are those of the README.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME="$home" XDG_CONFIG_HOME="$home/config" XDG_CACHE_HOME="$home/cache" TERM=xterm-256color COLORTERM=truecolor
mkdir -p "$home/bin" "$home/config/helix/runtime/queries" "$home/config/helix/runtime/grammars"
ln -s "$(realpath "$FLOW_BIN")" "$home/bin/flow"
export PATH="$home/bin:$PATH"
sed -e 's|^# *use-grammars|use-grammars|' -e "s|editor-support/tree-sitter-flow|$here/../tree-sitter-flow|" \
  "$here/languages.toml" > "$home/config/helix/languages.toml"
cp -r "$here/queries/flow" "$home/config/helix/runtime/queries/"

"$hx" --version
timeout 300 "$hx" --grammar build
timeout 60 "$hx" --health flow | tee "$home/health"
# The server, the parser and the three kinds of queries that Helix looks for.
[ "$(grep -c '✓' "$home/health")" = 5 ] || { echo "not ok - hx --health flow lacks something" >&2; exit 1; }
cd "$home"
timeout 120 python3 "$here/test/session.py" "$hx"
