#!/usr/bin/env bash
# Installs the Debian packages that the test bed needs and this machine lacks; says which. Does nothing, at once,
# where all are there. Debian bookworm and trixie. With --with-model also those that the model is checked with, with
# --with-promtool also the one that metrics, rules and alerts are.
set -euo pipefail

packages=(apt-utils debian-archive-keyring e2fsprogs iproute2 mmdebstrap openssl qemu-system-x86 qemu-utils
  redis-server tar util-linux)
model_packages=(gcc libc6-dev spin)
# Of which only promtool is wanted, wherever it comes from.
promtool_packages=(prometheus)

# Redis' and Prometheus' packages start servers of their own, which nobody here needs. This file is how Debian is asked not
# to.
policy=/usr/sbin/policy-rc.d
# Tells our own file from another's; the pid behind it tells whether the run that made it was killed.
policy_mark="# made for a while by Portkey's install-packages.sh, process"

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Old point releases of bookworm have a keyring that does not know trixie, which the guest is made of.
has_trixie_keys() {
  local keys=(/usr/share/keyrings/debian-archive-trixie-stable.*)
  [ -e "${keys[0]}" ]
}

# A part of QEMU's package in bookworm, a package of its own since.
has_virtiofsd() {
  [ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ]
}

has_promtool() {
  command -v promtool >/dev/null
}

fail() {
  echo "install-packages: $1" >&2
  exit 1
}

can_be_root() {
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

install_packages() {
  echo "installing Debian packages: $*" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >&2 ||
    fail "apt-get could not install them; what it said stands above"
}

hold_services_back() {
  if [ -e "$policy" ] && ! is_policy_abandoned; then return; fi
  trap release_services EXIT
  printf '#!/bin/sh\n%s %s\nexit 101\n' "$policy_mark" $$ | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}

release_services() {
  as_root rm -f "$policy"
}

is_policy_abandoned() {
  local pid
  [ -e "$policy" ] || return 1
  pid=$(sed -n "s/^$policy_mark //p" "$policy")
  [ -n "$pid" ] && [ ! -e "/proc/$pid" ]
}

main() {
  local option
  for option; do
    case $option in
      --with-model) packages+=("${model_packages[@]}") ;;
      --with-promtool) has_promtool || packages+=("${promtool_packages[@]}") ;;
      *) fail "usage: scripts/install-packages.sh [--with-model] [--with-promtool]" ;;
    esac
  done
  command -v dpkg-query >/dev/null || fail "this is not a Debian system; install by hand: ${packages[*]} virtiofsd"

  local missing=() package
  for package in "${packages[@]}"; do
    if ! is_installed "$package"; then missing+=("$package"); fi
  done
  if is_installed debian-archive-keyring && ! has_trixie_keys; then missing+=(debian-archive-keyring); fi
  if [ ${#missing[@]} -eq 0 ] && has_virtiofsd; then
    if is_policy_abandoned && can_be_root; then release_services; fi
    return
  fi

  can_be_root || fail "packages are missing (${missing[*]:-virtiofsd}) and there is no sudo; run this script as root"
  as_root apt-get -qq update >&2 || fail "apt-get update failed; what it said stands above"
  if [ ${#missing[@]} -gt 0 ]; then
    hold_services_back
    install_packages "${missing[@]}"
  fi
  if ! has_virtiofsd; then install_packages virtiofsd; fi
}

# Its functions can be tested one by one where it is sourced.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
