#!/usr/bin/env bash
# Emacs without a window, driving the `flow` that FLOW_BIN names.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
: "${FLOW_BIN:?names no flow: run cargo xtask test, or set it}"

install() {
  [ "$(id -u)" = 0 ] || { echo "install Emacs and eglot: this test drives them" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq "$@" > /dev/null
}
# Debian's packages; eglot is a part of Emacs only from 29 on.
command -v emacs > /dev/null || install emacs-nox
emacs --batch -q --eval "(progn (require 'package) (package-initialize) (require 'eglot))" 2> /dev/null || install elpa-eglot

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export FLOW_BIN HOME="$home"
cp "$here/flow-mode.el" "$home/"
# Debian keeps its packages of Emacs Lisp where only its site file looks.
timeout 300 emacs --batch -q -L "$home" \
  --eval "(progn (require 'package) (package-initialize))" \
  --eval "(setq byte-compile-error-on-warn t)" -f batch-byte-compile "$home/flow-mode.el"
timeout 300 emacs --batch -q -L "$home" \
  --eval "(progn (require 'package) (package-initialize))" \
  -l "$here/test/session.el" -f ert-run-tests-batch-and-exit

# The Emacs Lisp that the page shows is evaluated, with the folder it stands for.
awk '/^```elisp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$here/README.md" | sed "s|path/to/editor-support/emacs|$home|" > "$home/page.el"
test -s "$home/page.el"
timeout 60 emacs --batch -q --eval "(progn (require 'package) (package-initialize))" -l "$home/page.el" \
  --eval "(unless (featurep 'flow-mode) (error \"The page does not load the mode\"))"
