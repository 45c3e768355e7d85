#!/usr/bin/env bash
# Runs tests: `unit` those that need neither VM nor root, `e2e` those with real VMs, `all` these two and, between them,
# tests/integration, but not those of the experiments' yardsticks. Tests without VMs mostly wait, so that some files run
# at once. Those with VMs are on two test beds, where this machine lets one be isolated: one after the other on each.
# PORTKEY_TEST_BEDS=1: all on one. Installs and compiles what is missing first. The last line is
# "N passed, N failed"; no test at all is a failure. After `e2e` and `all` the test bed is down and nothing runs that the tests have started, also when they
# were interrupted. They refuse to run beside a test bed that is up already, which would be tested in place of the code
# as it is; TESTBED_REUSE=1 lets them, for a bed that was started after the last build. Where CI=true, a test that skips
# itself fails `all`: nobody is there to see what was not tested.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  echo "usage: scripts/test.sh unit|e2e|all" >&2
  exit 2
}

[ $# -eq 1 ] || usage
unit=(build/libraries build/services build/testbed build/cli build/grafana)
without_vms=()
with_vms=()
case $1 in
  unit) without_vms=("${unit[@]}") ;;
  all) without_vms=("${unit[@]}" build/tests/integration) with_vms=(build/tests/e2e) ;;
  e2e) with_vms=(build/tests/yardsticks build/tests/e2e) ;;
  *) usage ;;
esac

source scripts/bootstrap.sh
bootstrap "$PWD"
case $1 in
  all) bash scripts/install-packages.sh --with-model --with-promtool >&2 ;;
  e2e) bash scripts/install-packages.sh >&2 ;;
esac

# A test whose source is gone may still be compiled.
tests_in() {
  local folder file source
  for folder; do
    [ -d "$folder" ] || continue
    while IFS= read -r file; do
      source=${file#build/}
      [ ! -f "${source%.js}.ts" ] || echo "$file"
    done < <(find "$folder" -name '*.test.js' | sort)
  done
}
run_nothing() {
  echo "$1" >&2
  echo "0 passed, 0 failed"
  exit 1
}

if [ "$1" != unit ] && [ "${TESTBED_REUSE:-}" != 1 ]; then
  bed=$(node build/bundle/cli/portkey.mjs testbed status) || true
  case $bed in
    "the test bed is down"*) ;;
    # As a crashed run does.
    "a test bed left these behind"*) node build/bundle/cli/portkey.mjs testbed down >&2 ;;
    "") run_nothing "it is not known whether a test bed is up" ;;
    *) run_nothing "${bed%%:*}; take it down first (./portkey testbed down), or set TESTBED_REUSE=1" ;;
  esac
fi

mocha=(node_modules/.bin/mocha --reporter scripts/test-reporter.cjs --forbid-only)
[ "$1" != all ] || [ "${CI:-}" != true ] || mocha+=(--forbid-pending)
# Of these files at once. They are idle for more than half of their time.
files_at_once=4

# Of the tests with VMs, half, by the time that they take. The last two need a test bed as nobody else does.
on_second_bed=(migration page-digest pre-copy-throttle rescue restarts rollback testbed two-controllers)

# How long what was told to end may take over it: a `testbed up` removes what it has started.
grace_seconds=20

# Whether any process of this group runs. Zombies do not count: in a container there may be nobody to reap them.
group_runs() {
  [ -n "$(sed -n "s/^\([0-9]*\) (.*) [^ZX] [0-9]* $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null)" ]
}

end_group() {
  local signal deadline
  for signal in TERM KILL; do
    group_runs "$1" || return 0
    kill -s "$signal" -- "-$1" 2>/dev/null || true
    # A test may have stopped it.
    kill -s CONT -- "-$1" 2>/dev/null || true
    deadline=$((SECONDS + grace_seconds))
    while group_runs "$1" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  done
}

# Daemons and commands with a deadline lead groups of their own. All that mocha starts inherits TEST_SUMMARY, which no
# two runs have in common.
end_others() {
  local environment
  for environment in $(grep -lzxF "TEST_SUMMARY=$TEST_SUMMARY" /proc/[0-9]*/environ 2>/dev/null); do
    environment=${environment#/proc/}
    kill -s KILL "${environment%/environ}" 2>/dev/null || true
  done
}

TEST_SUMMARY=$(mktemp)
export TEST_SUMMARY
pid=
second_pid=
finish() {
  local status=$?
  trap '' INT TERM HUP
  export -n TEST_SUMMARY
  [ -z "$pid" ] || end_group "$pid"
  [ -z "$second_pid" ] || end_group "$second_pid"
  [ ${#with_vms[@]} -eq 0 ] || node build/bundle/cli/portkey.mjs testbed down >&2 || true
  end_others
  # A line of each run.
  awk '{ passed += $1; failed += $3 } END { printf "%d passed, %d failed\n", passed, failed }' "$TEST_SUMMARY"
  rm -f "$TEST_SUMMARY"
  exit "$status"
}
trap finish EXIT

# In a process group of its own, so that mocha and what it started get each signal once, from here, whoever sent it to
# whom.
run_mocha() {
  run_in_group "${mocha[@]}" "$@"
}

run_in_group() {
  local status=0
  set -m
  "$@" </dev/null &
  pid=$!
  set +m
  # A signal ends the wait, and `finish` ends what does not end by it.
  wait "$pid" || status=$?
  [ -z "$interrupted" ] || exit "$status"
  end_group "$pid"
  pid=
  return "$status"
}

# Starts mocha beside what comes next. What it prints is kept.
second_folder=out/test-bed-2
start_second() {
  mkdir -p "$second_folder"
  set -m
  bash scripts/isolated.sh "$PWD/$second_folder" "${mocha[@]}" "$@" </dev/null >"$second_folder/tests.log" 2>&1 &
  second_pid=$!
  set +m
}

end_second() {
  local status=0
  wait "$second_pid" || status=$?
  [ -z "$interrupted" ] || exit "$status"
  end_group "$second_pid"
  second_pid=
  cat "$second_folder/tests.log"
  return "$status"
}

interrupted=
for signal in INT TERM HUP; do
  trap "interrupted=$signal; for group in \$pid \$second_pid; do kill -s $signal -- -\$group 2>/dev/null || true; done" "$signal"
done

status=0
if [ ${#without_vms[@]} -gt 0 ]; then
  mapfile -t files < <(tests_in "${without_vms[@]}")
  run_mocha --parallel --jobs "$files_at_once" "${files[@]}" || status=$?
fi
if [ ${#with_vms[@]} -gt 0 ]; then
  first=()
  second=()
  for file in $(tests_in "${with_vms[@]}"); do
    name=$(basename "$file" .test.js)
    case " ${on_second_bed[*]} " in
      *" $name "*) second+=("$file") ;;
      *) first+=("$file") ;;
    esac
  done
  if [ "${TESTBED_REUSE:-}" = 1 ] || [ "${PORTKEY_TEST_BEDS:-2}" = 1 ]; then
    run_mocha "${first[@]}" "${second[@]}" || status=$?
  elif ! why=$(bash scripts/isolated.sh "$PWD/out" true 2>&1); then
    echo "one test bed after the other, since none can be isolated here: $why" >&2
    run_mocha "${first[@]}" "${second[@]}" || status=$?
  else
    # Both test beds need it, and only one should make it.
    run_in_group node build/bundle/cli/portkey.mjs testbed image >&2
    echo "beside these tests others run on a second test bed; what they print comes after these, and is in $second_folder/tests.log" >&2
    start_second "${second[@]}"
    # Isolated as well: from outside it could reach into the other one.
    run_in_group bash scripts/isolated.sh "$PWD/out/test-bed-1" "${mocha[@]}" "${first[@]}" || status=$?
    end_second || status=$?
  fi
fi
exit "$status"
