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
  if ! git rev-parse --quiet --verify "$FLOW_AGAINST^{commit}" > /dev/null; then
    echo "check.sh: there is no revision $FLOW_AGAINST here (a shallow clone has few: fetch it first)" >&2
    exit 2
  fi
  while IFS= read -r -d '' script; do
    # A script that is new has no state to fit.
    case "$script" in *.flow) git cat-file -e "$FLOW_AGAINST:./$script" 2>/dev/null || continue ;; *) continue ;; esac
    step "$flow" check --format "$format" --against "git:$FLOW_AGAINST" "$script"
  done < <(git ls-files -z -- "${scripts[@]}")
fi
if [ -n "${FLOW_REPORTS-}" ]; then
  mkdir -p "$FLOW_REPORTS"
  # The steps above decide; these only write down what they found.
  "$flow" test --format junit "${scripts[@]}" > "$FLOW_REPORTS/tests.xml" || true
  "$flow" check --format sarif ${deny[@]+"${deny[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/findings.sarif" || true
  "$flow" check --format gitlab ${deny[@]+"${deny[@]}"} "${scripts[@]}" > "$FLOW_REPORTS/code-quality.json" || true
fi
exit "$failed"
