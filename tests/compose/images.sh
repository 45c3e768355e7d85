#!/usr/bin/env bash
# Makes all images of compose.yaml be there: pulls those of others, builds our own. Where others' cannot be pulled, stand-ins
# are made from Debian's packages under the same names, and it says for which; for Grafana there is none. PORTKEY_DOCKER: the
# words to call docker with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

read -ra docker <<<"${PORTKEY_DOCKER:-docker}"
pull_seconds=120

debian=$(sed -n 's/^ARG DEBIAN_IMAGE=//p' Dockerfile)
image_of() { sed -n "s|^    image: \($1:.*\)|\1|p" compose.yaml; }
has() { "${docker[@]}" image inspect "$1" >/dev/null 2>&1; }
pull() { timeout "$pull_seconds" "${docker[@]}" pull --quiet "$1" >/dev/null 2>&1; }

stand_in() {
  echo "$1 cannot be pulled: made from Debian's packages under the same name" >&2
}

build_stand_in() {
  stand_in "$1"
  "${docker[@]}" build --quiet --network host --build-arg "DEBIAN_IMAGE=$debian" --tag "$1" \
    --file "tests/compose/stand-ins/$2.Dockerfile" tests/compose/stand-ins >/dev/null
}

if ! has "$debian" && ! pull "$debian"; then
  stand_in "$debian"
  mmdebstrap --quiet --variant=minbase trixie - ${PORTKEY_DEBIAN_MIRROR:+"$PORTKEY_DEBIAN_MIRROR"} |
    "${docker[@]}" import --change 'CMD ["bash"]' - "$debian" >/dev/null
fi
for name in redis prom/prometheus; do
  image=$(image_of "$name")
  has "$image" || pull "$image" || build_stand_in "$image" "${name#prom/}"
done
grafana=$(image_of grafana/grafana)
has "$grafana" || pull "$grafana" || echo "$grafana cannot be pulled, and no Debian package has it: it is left out" >&2

# npm's authority where this machine has one of its own, at a path that an engine in a folder sees, too.
authority=${NODE_EXTRA_CA_CERTS:-$(npm config get cafile)}
if [ -z "${PORTKEY_BUILD_CA:-}" ] && [ -f "$authority" ]; then
  mkdir -p out
  cp -L "$authority" out/build-ca.pem
  export PORTKEY_BUILD_CA=$PWD/out/build-ca.pem
fi

files=(-f compose.yaml)
[ "${PORTKEY_BUILD_NETWORK:-}" != host ] || files+=(-f tests/compose/host-network.yaml)
"${docker[@]}" compose "${files[@]}" --profile cli --profile demo build
