#!/usr/bin/env bash
# Makes a folder for Zed's "Install Dev Extension": this one, with the grammar of this copy of the repository.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(git -C "$here" rev-parse --show-toplevel)
out=${1:-$top/target/zed-extension}
mkdir -p "$out"
cp -r "$here/extension.toml" "$here/Cargo.toml" "$here/src" "$here/languages" "$out/"
cat >> "$out/extension.toml" <<EOF

[grammars.flow]
repository = "file://$top"
rev = "$(git -C "$top" rev-parse HEAD)"
path = "editor-support/tree-sitter-flow"
EOF
echo "$out"
