#!/usr/bin/env bash
# Runs tests: `unit` those that need neither VM nor root, `e2e` those with real VMs, `all` these two and, between them,
# tests/integration. Installs and compiles what is missing first. The last line is "N passed, N failed"; no test at all
# is a failure. After `e2e` and `all` the test bed is down, also when the tests were interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  echo "usage: scripts/test.sh unit|e2e|all" >&2
  exit 2
}

[ $# -eq 1 ] || usage
case $1 in
  unit) folders=(build/libraries build/services build/testbed build/cli) ;;
  all) folders=(build/libraries build/services build/testbed build/cli build/tests/integration build/tests/e2e) ;;
  e2e) folders=(build/tests/e2e) ;;
  *) usage ;;
esac

source scripts/bootstrap.sh
bootstrap "$PWD"
[ "$1" = unit ] || bash scripts/install-packages.sh >&2

# A test whose source is gone may still be compiled.
files=()
for folder in "${folders[@]}"; do
  [ -d "$folder" ] || continue
  while IFS= read -r file; do
    source=${file#build/}
    [ ! -f "${source%.js}.ts" ] || files+=("$file")
  done < <(find "$folder" -name '*.test.js' | sort)
done
if [ ${#files[@]} -eq 0 ]; then
  echo "no tests found" >&2
  echo "0 passed, 0 failed"
  exit 1
fi

mocha=(node_modules/.bin/mocha --reporter scripts/test-reporter.cjs --forbid-only "${files[@]}")
[ "$1" != unit ] || exec "${mocha[@]}"

TEST_SUMMARY=$(mktemp)
export TEST_SUMMARY
finish() {
  local status=$?
  trap '' INT TERM HUP
  node build/cli/main.js testbed down >&2 || true
  [ -s "$TEST_SUMMARY" ] || echo "0 passed, 0 failed" >"$TEST_SUMMARY"
  cat "$TEST_SUMMARY"
  rm -f "$TEST_SUMMARY"
  exit "$status"
}
trap finish EXIT

# In a process group of its own, so that mocha gets each signal once, from here, whoever sent it to whom.
set -m
"${mocha[@]}" </dev/null &
pid=$!
set +m
for signal in INT TERM HUP; do trap "kill -s $signal $pid 2>/dev/null || true" "$signal"; done
status=0
wait "$pid" || status=$?
# A signal ends the wait, but maybe not yet mocha.
while kill -0 "$pid" 2>/dev/null; do
  status=0
  wait "$pid" || status=$?
done
exit "$status"
