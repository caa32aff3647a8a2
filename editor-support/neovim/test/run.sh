#!/usr/bin/env bash
# Neovim without a window, driving the `flow` that FLOW_BIN names. NVIM names another Neovim than the one on the path.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
: "${FLOW_BIN:?names no flow: run cargo xtask test, or set it}"
nvim=${NVIM:-nvim}

if ! command -v "$nvim" > /dev/null; then
  # Debian's package; without the right to install it, say so.
  [ "$(id -u)" = 0 ] || { echo "install neovim (0.7 or newer): this test drives it" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq neovim > /dev/null
fi

# Nothing of the person who runs it: no configuration, no data, no state.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export FLOW_BIN HOME="$home" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" XDG_STATE_HOME="$home/state" XDG_CACHE_HOME="$home/cache"
"$nvim" --version | head -1
timeout 300 "$nvim" --headless --clean -n --cmd "set runtimepath^=$here" --cmd "filetype plugin indent on" \
  -c "luafile $here/test/session.lua" 2>&1 | tee "$home/said"
# Neovim says so when a server did not end well.
if grep -q "quit with exit code" "$home/said"; then
  echo "not ok - the server takes its leave" >&2
  exit 1
fi

# The Lua that the pages show. All of it is read; what does not need a later Neovim's `vim.lsp.config` is run, too.
for page in "$here/README.md" "$here/../../docs/guide/editors.md"; do
  rm -f "$home"/block-*.lua
  awk -v to="$home" '/^```lua$/ { n++; inside = 1; next } /^```$/ { inside = 0 } inside { print > (to "/block-" n ".lua") }' "$page"
  for block in "$home"/block-*.lua; do
    run="assert(loadfile('$block'))"
    if ! grep -q vim.lsp.config "$block" || "$nvim" --clean --headless -c "lua os.exit(vim.lsp.config and 0 or 1)"; then
      run="$run()"
    fi
    timeout 60 "$nvim" --headless --clean -n --cmd "set runtimepath^=$here" -c "lua $run" -c "qall!" > "$home/said" 2>&1
    if [ -s "$home/said" ]; then
      echo "not ok - a block of ${page##*/}: $(cat "$home/said")" >&2
      exit 1
    fi
    echo "ok - ${block##*/} of ${page##*/}"
  done
done
