#!/usr/bin/env bash
# Tests the test bed of compose.yaml on a real Docker engine: this machine's where it has one with Compose, otherwise one from
# Debian's packages (tests/compose/engine.sh), for as long as the tests take. Builds the images, brings the bed up, asks
# everything that the dashboards ask, breaks it, takes it down. The last line is "N passed, N failed". Where no engine can be
# had it says why, and is content: nothing was tested, and nothing failed.
#
# With names of tests, only those: npm run test:compose -- bed bad-input
#
# Its folder is out/compose: the engine, its images, dockerd.log. Delete it for a fresh engine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$PWD/out/compose
# In this order: one bed is brought up, looked at, and broken at last.
tests=(bed observed grafana restarts demo bad-input)

source scripts/bootstrap.sh

untested() {
  echo "docker compose is not tested: $1" >&2
  echo "0 passed, 0 failed"
  exit 0
}

has_engine() {
  docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1
}

# Of its own, so that a bed which somebody has is not taken for what a crashed run left. Two would share addresses, so there
# must be none.
export COMPOSE_PROJECT_NAME=portkey-test

refuse_beside_another() {
  local others
  others=$("${docker[@]}" ps -aq --filter label=com.docker.compose.project=portkey)
  [ -z "$others" ] && return
  echo "the test bed of compose.yaml is up, or its containers are there; first: docker compose --profile demo down" >&2
  echo "0 passed, 0 failed"
  exit 1
}

# Inside of whatever gives PORTKEY_DOCKER.
run_tests() {
  read -ra docker <<<"$PORTKEY_DOCKER"
  take_down() {
    "${docker[@]}" compose --profile cli --profile demo down --volumes --remove-orphans >/dev/null 2>&1 || true
  }
  refuse_beside_another
  trap take_down EXIT
  # What a crashed run left.
  take_down
  local files=("${tests[@]/#/build/tests/compose/}")
  node_modules/.bin/mocha --reporter scripts/test-reporter.cjs --forbid-only --bail "${files[@]/%/.test.js}"
}

if [ "${1:-}" = inside ]; then
  tests=("${@:2}")
  run_tests
  exit
fi

for name in "$@"; do
  [[ " ${tests[*]} " = *" $name "* ]] || { echo "usage: scripts/test-compose.sh [${tests[*]}]" >&2; exit 2; }
done
[ $# -eq 0 ] || tests=("$@")

bootstrap "$PWD"
mkdir -p "$folder"
if has_engine; then
  export PORTKEY_DOCKER=docker
  bash tests/compose/images.sh
  run_tests
  exit
fi
[ "$(id -u)" -eq 0 ] || untested "there is no Docker engine with Compose, and starting one needs root"
bash scripts/install-packages.sh >&2
bash tests/compose/engine.sh make "$folder"
why=$(bash tests/compose/engine.sh run-isolated "$folder" true 2>&1) || untested "${why##*$'\n'}"
PORTKEY_BUILD_NETWORK=host bash tests/compose/engine.sh run "$folder" bash tests/compose/images.sh
bash tests/compose/engine.sh run-isolated "$folder" bash scripts/test-compose.sh inside "${tests[@]}"
