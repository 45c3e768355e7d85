#!/usr/bin/env bash
# Runs all fuzzing, one program after the other, each with the same arguments: [--cases N] [--seed N]. Ends with the first
# one that found a broken rule.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/bootstrap.sh
for service in hypervisor-relay restore; do
  node --expose-gc "build/services/$service/fuzz/main.js" "$@"
done
