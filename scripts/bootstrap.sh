# Sourced by ./portkey and scripts/test.sh: `bootstrap ROOT` makes sure that node_modules and build/ are there and newer
# than what they are made from. It says what it does on stderr, and nothing when there is nothing to do.

bootstrap() {
  local root=$1
  require_node
  # Two commands may start at once in a fresh clone; the second one waits and finds everything done.
  mkdir -p "$root/build"
  exec 8>"$root/build/.bootstrap-lock"
  flock 8
  install_npm_packages "$root"
  compile "$root"
  flock -u 8
  exec 8>&-
}

require_node() {
  command -v node >/dev/null || bootstrap_failed "Node.js is missing; install version 20.12 or later"
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
           process.exit(major > 20 || (major === 20 && minor >= 12) ? 0 : 1)' ||
    bootstrap_failed "Node.js $(node --version) is too old; install version 20.12 or later"
}

install_npm_packages() {
  local root=$1
  local installed=$root/node_modules/.package-lock.json
  [ ! -f "$installed" ] || [ "$root/package-lock.json" -nt "$installed" ] || return 0
  echo "installing npm packages" >&2
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2) ||
    bootstrap_failed "npm ci failed; what it said stands above"
  # npm keeps the time of an unchanged file, which would make it look outdated for ever.
  touch "$installed"
}

compile() {
  local root=$1
  local done=$root/build/.complete
  if [ -f "$done" ]; then
    local newer
    newer=$(cd "$root" && find proto libraries services testbed cli tests scripts tsconfig.json package-lock.json \
      -path libraries/rpc/generated -prune -o -type f -newer "$done" -print -quit)
    [ -n "$newer" ] || return 0
  fi
  echo "compiling" >&2
  bash "$root/scripts/build.sh" >&2 || bootstrap_failed "compiling failed; what it said stands above"
}

bootstrap_failed() {
  echo "portkey: $1" >&2
  exit 1
}
