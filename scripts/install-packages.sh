#!/usr/bin/env bash
# Installs the Debian packages that the test bed needs and this machine lacks; says which. Does nothing, at once,
# where all are there. Debian bookworm and trixie.
set -euo pipefail

packages=(apt-utils debian-archive-keyring e2fsprogs iproute2 mmdebstrap qemu-system-x86 redis-server tar)

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

fail() {
  echo "install-packages: $1" >&2
  exit 1
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

# Redis' package starts a server of its own, which nobody here needs. policy-rc.d is how Debian is asked not to.
hold_services_back() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then return; fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  trap "as_root rm -f $policy" EXIT
}

command -v dpkg-query >/dev/null || fail "this is not a Debian system; install by hand: ${packages[*]} virtiofsd"

missing=()
for package in "${packages[@]}"; do
  if ! is_installed "$package"; then missing+=("$package"); fi
done
if is_installed debian-archive-keyring && ! has_trixie_keys; then missing+=(debian-archive-keyring); fi
if [ ${#missing[@]} -eq 0 ] && has_virtiofsd; then exit 0; fi

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
  fail "packages are missing (${missing[*]:-virtiofsd}) and there is no sudo; run this script as root"
fi
as_root apt-get -qq update >&2 || fail "apt-get update failed; what it said stands above"
if [ ${#missing[@]} -gt 0 ]; then
  hold_services_back
  install_packages "${missing[@]}"
fi
if ! has_virtiofsd; then install_packages virtiofsd; fi
