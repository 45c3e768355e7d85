# Sourced by ./portkey and scripts/test.sh: `bootstrap ROOT` makes sure that node_modules and build/ are there and newer
# than what they are made from. It says what it does on stderr, and nothing when there is nothing to do. Run as a
# program it does that for its own project, or with the argument `packages` for node_modules alone.
#
# After one `sudo npm start` both may be root's. So nothing is written, and no lock taken, where nothing is outdated.

bootstrap() {
  local root=$1
  # Ordinary users of Debian have a PATH without the programs that networks and file systems are made with.
  PATH=$PATH:/usr/sbin:/sbin
  require_node
  if are_npm_packages_current "$root" && is_build_current "$root"; then return; fi
  take_bootstrap_lock "$root"
  are_npm_packages_current "$root" || install_npm_packages "$root"
  is_build_current "$root" || compile "$root"
  release_bootstrap_lock
}

bootstrap_packages() {
  local root=$1
  require_node
  if are_npm_packages_current "$root"; then return; fi
  take_bootstrap_lock "$root"
  are_npm_packages_current "$root" || install_npm_packages "$root"
  release_bootstrap_lock
}

require_node() {
  command -v node >/dev/null || bootstrap_failed "Node.js is missing; install version 20.12 or later"
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
           process.exit(major > 20 || (major === 20 && minor >= 12) ? 0 : 1)' ||
    bootstrap_failed "Node.js $(node --version) is too old; install version 20.12 or later"
}

# Two commands may start at once in a fresh clone; the second one waits and finds everything done.
take_bootstrap_lock() {
  local root=$1
  { mkdir -p "$root/build" && exec 8>"$root/build/.bootstrap-lock"; } 2>/dev/null ||
    bootstrap_failed "node_modules or build/ is outdated and not for $(id -un) to write; use sudo, or take them over: sudo chown -R $(id -un) $root"
  flock 8
}

release_bootstrap_lock() {
  flock -u 8
  exec 8>&-
}

are_npm_packages_current() {
  local root=$1
  local installed=$root/node_modules/.package-lock.json
  [ -f "$installed" ] && ! [ "$root/package-lock.json" -nt "$installed" ]
}

install_npm_packages() {
  local root=$1
  echo "installing npm packages" >&2
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2) ||
    bootstrap_failed "npm ci failed; what it said stands above"
  # npm keeps the time of an unchanged file, which would make it look outdated for ever.
  touch "$root/node_modules/.package-lock.json"
}

is_build_current() {
  local root=$1
  local done=$root/build/.complete newer
  [ -f "$done" ] || return 1
  newer=$(cd "$root" && find proto libraries services testbed cli tests scripts grafana/source tsconfig.json package-lock.json \
    -name generated -prune -o -type f -newer "$done" -print -quit)
  [ -z "$newer" ]
}

compile() {
  local root=$1
  echo "compiling" >&2
  bash "$root/scripts/build.sh" >&2 || bootstrap_failed "compiling failed; what it said stands above"
}

bootstrap_failed() {
  echo "portkey: $1" >&2
  exit 1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  root=$(cd -P "$(dirname "$0")/.." && pwd)
  case ${1:-} in
    '') bootstrap "$root" ;;
    packages) bootstrap_packages "$root" ;;
    *) bootstrap_failed "usage: scripts/bootstrap.sh [packages]" ;;
  esac
fi
