#!/usr/bin/env bash
# The syntax in `bat` (Debian's package), which reads Sublime's syntax files: it loads, and colours every example.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
top=$(cd "$here/../.." && pwd)
bat=$(command -v batcat || command -v bat || true)
if [ -z "$bat" ]; then
  [ "$(id -u)" = 0 ] || { echo "install bat: this test drives it" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq bat > /dev/null
  bat=$(command -v batcat || command -v bat)
fi

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export BAT_CONFIG_DIR="$home/config" BAT_CACHE_PATH="$home/cache" XDG_CACHE_HOME="$home/cache" HOME="$home"
mkdir -p "$BAT_CONFIG_DIR/syntaxes"
cp "$here/Flow.sublime-syntax" "$BAT_CONFIG_DIR/syntaxes/"
"$bat" cache --build > /dev/null
"$bat" --list-languages | grep -q '^Flow:flow$' || { echo "not ok - the syntax loads"; exit 1; }
echo "ok - the syntax loads"

coloured() { printf '%s' "$1" | "$bat" --language Flow --color always --style plain --theme ansi; }
count=0
for script in "$top"/lang-examples/*/*.flow; do
  [ "$("$bat" --language Flow --color never --style plain "$script" | cksum)" = "$(cksum < "$script")" ] || { echo "not ok - $script is shown as it is"; exit 1; }
  "$bat" --language Flow --color always --style plain --theme ansi "$script" | grep -q $'\e\\[' || { echo "not ok - $script has colours"; exit 1; }
  count=$((count + 1))
done
[ "$count" -ge 40 ] || { echo "not ok - there are examples ($count)"; exit 1; }
echo "ok - $count examples are coloured"

# A string that is never closed ends with its line: the next declaration looks as it does alone.
alone=$(coloured $'const b = 1\n')
behind=$(coloured $'const a = "open {x\nconst b = 1\n' | tail -n 1)
[ "$alone" = "$behind" ] || { echo "not ok - a string ends with its line"; exit 1; }
echo "ok - a string ends with its line"
inside=$(coloured $'/* a /* b */ c */\nconst b = 1\n' | tail -n 1)
[ "$alone" = "$inside" ] || { echo "not ok - comments nest"; exit 1; }
echo "ok - comments nest"
