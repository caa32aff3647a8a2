#!/usr/bin/env bash
# What a change of `.flow` scripts must pass: the one style, no finding, every test. The GitHub Action, the GitLab template
# and the hooks all run it; so can you: `check.sh [file or folder]…`.
#
#   FLOW           the binary (default: flow)
#   FLOW_DENY      lints that fail the change, with blanks or commas between them (default: warnings; empty: none)
#   FLOW_AGAINST   a git revision: the state of running jobs must fit the changed scripts
#   FLOW_ALLOW_DROPPED   not empty: state that the changed scripts have no place for may go
#   FLOW_REPORTS   a folder for reports: tests.xml (JUnit), findings.sarif, code-quality.json
set -u
flow="${FLOW:-flow}"
scripts=("$@")
[ "${#scripts[@]}" -gt 0 ] || scripts=(.)
# All that `flow check` is told, each time it is called: every report has the same findings.
findings=()
if [ -n "${FLOW_AGAINST-}" ]; then
  if ! git rev-parse --quiet --verify "$FLOW_AGAINST^{commit}" > /dev/null; then
    echo "check.sh: there is no revision $FLOW_AGAINST here (a shallow clone has few: fetch it first)" >&2
    exit 2
  fi
  # An edit that lets old and new rows mix may well be meant: it is told, and fails only who denies it by name (below).
  findings+=(--warn changes-meaning)
  findings+=(--against "git:$FLOW_AGAINST")
  [ -z "${FLOW_ALLOW_DROPPED-}" ] || findings+=(--allow-dropped)
fi
IFS=', ' read -ra denied <<< "${FLOW_DENY-warnings}"
for lint in ${denied[@]+"${denied[@]}"}; do
  findings+=(--deny "$lint")
done
failed=0

step() { "$@" || failed=1; }

format=human
[ -z "${GITHUB_ACTIONS-}" ] || format=github
# What is wrong with a script is said once, by `flow check`: the others only name it.
step "$flow" fmt --check --brief "${scripts[@]}"
step "$flow" check --format "$format" ${findings[@]+"${findings[@]}"} "${scripts[@]}"
step "$flow" test --brief "${scripts[@]}"
if [ -n "${FLOW_REPORTS-}" ]; then
  mkdir -p "$FLOW_REPORTS"
  # The steps above decide; these only write down what they found.
  "$flow" test --brief --format junit "${scripts[@]}" > "$FLOW_REPORTS/tests.xml" || true
  "$flow" check --format sarif ${findings[@]+"${findings[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/findings.sarif" || true
  "$flow" check --format gitlab ${findings[@]+"${findings[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/code-quality.json" || true
fi
exit "$failed"
