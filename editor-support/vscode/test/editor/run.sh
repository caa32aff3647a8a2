#!/usr/bin/env bash
# The packaged extension in a real Visual Studio Code: the one in the npm package code-server, shown by Debian's Chromium.
# Pictures go to out/editor/pictures, or to the folder that is given. FLOW_BIN names the `flow` under test.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
: "${FLOW_BIN:?names no flow: run cargo build, and set it}"
out=$here/out/editor
pictures=$(mkdir -p "${1:-$out/pictures}" && cd "${1:-$out/pictures}" && pwd)
[ -f "$here/dist/flow.vsix" ] || (cd "$here" && npm run package)

if ! command -v chromium > /dev/null; then
  [ "$(id -u)" = 0 ] || { echo "install chromium: this test looks at the editor in it" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq chromium > /dev/null
fi

# The newest release that runs on Node 20. Its own install script downloads; its three native parts are compiled here.
code=$out/node_modules/code-server/lib/vscode
if [ ! -f "$out/ready" ]; then
  mkdir -p "$out"
  printf '{ "private": true }\n' > "$out/package.json"
  (cd "$out" && npm install --no-save --ignore-scripts code-server@4.100.3 playwright-core@1)
  (cd "$code" && npm install --omit=dev --ignore-scripts)
  gyp=$(npm root -g)/npm/node_modules/node-gyp/bin/node-gyp.js
  headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  for part in @vscode/spdlog node-pty native-watchdog; do
    (cd "$code/node_modules/$part" && node "$gyp" rebuild --nodedir="$headers" > "$out/build.log" 2>&1) ||
      { cat "$out/build.log" >&2; exit 1; }
  done
  touch "$out/ready"
fi

work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/data/Machine" "$work/scripts"
cat > "$work/data/Machine/settings.json" <<EOF
{
  "flow.path": "$FLOW_BIN",
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false
}
EOF
folders=(--extensions-dir "$work/extensions" --user-data-dir "$work/data" --server-data-dir "$work")
node "$code/out/server-main.js" "${folders[@]}" --accept-server-license-terms --install-extension "$here/dist/flow.vsix"
port=${PORT:-18431}
node "$code/out/server-main.js" "${folders[@]}" --accept-server-license-terms \
  --host 127.0.0.1 --port "$port" --without-connection-token > "$work/server.log" 2>&1 &
server=$!
cp "$here/test/editor/drive.mjs" "$out/"
ADDRESS="http://127.0.0.1:$port" SCRIPTS="$work/scripts" PICTURES="$pictures" timeout 300 node "$out/drive.mjs" ||
  { tail -n 20 "$work/server.log" >&2; exit 1; }
