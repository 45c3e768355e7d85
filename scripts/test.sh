#!/usr/bin/env bash
# Runs tests: `unit` those that need neither VM nor root, `all` these and tests/integration and tests/e2e after them.
# Installs and compiles what is missing first. The last line is "N passed, N failed"; no test at all is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  echo "usage: scripts/test.sh unit|all" >&2
  exit 2
}

[ $# -eq 1 ] || usage
case $1 in
  unit) folders=(build/libraries build/services build/testbed build/cli) ;;
  all) folders=(build/libraries build/services build/testbed build/cli build/tests/integration build/tests/e2e) ;;
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
exec node_modules/.bin/mocha --reporter scripts/test-reporter.cjs --forbid-only "${files[@]}"
