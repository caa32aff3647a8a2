#!/usr/bin/env bash
# What a change of `.flow` scripts must pass: the one style, no finding, every test. The GitHub Action, the GitLab template
# and the hooks all run it; so can you: `check.sh [file or folder]…`.
#
#   FLOW           the binary (default: flow)
#   FLOW_DENY      lints that fail the change (default: warnings; empty: none)
#   FLOW_AGAINST   a git revision: the state of running jobs must fit the changed scripts
#   FLOW_REPORTS   a folder for reports: tests.xml (JUnit), findings.sarif, code-quality.json
set -u
flow="${FLOW:-flow}"
scripts=("$@")
[ "${#scripts[@]}" -gt 0 ] || scripts=(.)
deny=()
[ -z "${FLOW_DENY-warnings}" ] || deny=(--deny "${FLOW_DENY-warnings}")
failed=0

step() { "$@" || failed=1; }

format=human
[ -z "${GITHUB_ACTIONS-}" ] || format=github
step "$flow" fmt --check "${scripts[@]}"
step "$flow" check --format "$format" ${deny[@]+"${deny[@]}"} "${scripts[@]}"
step "$flow" test "${scripts[@]}"
if [ -n "${FLOW_AGAINST-}" ]; then
  for script in $(git ls-files '*.flow'); do
    # A script that is new has no state to fit.
    git cat-file -e "$FLOW_AGAINST:./$script" 2>/dev/null || continue
    step "$flow" check --against "git:$FLOW_AGAINST" "$script"
  done
fi
if [ -n "${FLOW_REPORTS-}" ]; then
  mkdir -p "$FLOW_REPORTS"
  # The steps above decide; these only write down what they found.
  "$flow" test --format junit "${scripts[@]}" > "$FLOW_REPORTS/tests.xml" || true
  "$flow" check --format sarif ${deny[@]+"${deny[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/findings.sarif" || true
  "$flow" check --format gitlab ${deny[@]+"${deny[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/code-quality.json" || true
fi
exit "$failed"
