# The images of compose.yaml. Stages, from what they are made of to what runs:
#
#   node ─┬─ build ─┬─ guest: the VMs' disk image, from the recipe that `npm start` uses (testbed/image)
#         │         └─ modules: what runs needs of npm
#         └─ runtime ─┬─ service ─┬─ controller
#                     │           ├─ relay
#                     │           └─ vm: QEMU, virtiofsd, the guest's image
#                     └─ tools: setup, the command line, the demonstration, the workloads' clients
#
# A build needs the network for Debian and npm packages only. Where npm's registry has a certificate of an authority of your
# own, name that authority's file by PORTKEY_BUILD_CA.
ARG DEBIAN_IMAGE=debian:trixie-20251117-slim

FROM ${DEBIAN_IMAGE} AS node
RUN apt-get update \
  && apt-get install --yes --no-install-recommends nodejs \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10077 portkey \
  && useradd --uid 10077 --gid portkey --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin portkey

FROM node AS build
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates npm util-linux \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /portkey
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=build-ca \
  if [ -s /run/secrets/build-ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/build-ca; fi; \
  npm ci --no-audit --no-fund --loglevel=error
COPY . .
RUN bash scripts/build.sh

FROM build AS modules
RUN npm prune --omit=dev --no-audit --no-fund --loglevel=error

# The image is kept by its recipe's hash, so that new code alone does not make it anew.
FROM build AS guest
RUN apt-get update \
  && apt-get install --yes --no-install-recommends apt-utils debian-archive-keyring e2fsprogs mmdebstrap \
  && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/cache,sharing=locked \
  XDG_CACHE_HOME=/cache XDG_STATE_HOME=/tmp node build/bundle/cli/portkey.mjs testbed image \
  && folder=$(dirname "$(XDG_CACHE_HOME=/cache XDG_STATE_HOME=/tmp node build/bundle/cli/portkey.mjs testbed image)") \
  && mkdir /image \
  && cp --sparse=always "$folder"/* /image/

FROM node AS runtime
LABEL org.opencontainers.image.title="Portkey" \
  org.opencontainers.image.description="Live migration of containers between VMs" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/portkey
COPY --from=modules /portkey/package.json ./
COPY --from=modules /portkey/node_modules node_modules
COPY --from=build /portkey/build/proto build/proto
COPY --from=build /portkey/build/libraries build/libraries
COPY --from=build /portkey/build/bundle/compose build/bundle/compose
ENV NODE_ENV=production

# PORTKEY_HEALTH is what health.mjs is to ask: see testbed/compose/health.
FROM runtime AS service
HEALTHCHECK --interval=30s --timeout=8s --retries=3 --start-period=180s --start-interval=2s \
  CMD node build/bundle/compose/health.mjs $PORTKEY_HEALTH

FROM service AS controller
COPY --from=build /portkey/build/services/controller build/services/controller
USER portkey
CMD ["node", "build/services/controller/main.js", "--config", "/run/secrets/controller/config.json"]

FROM service AS relay
COPY --from=build /portkey/build/services/hypervisor-relay build/services/hypervisor-relay
USER portkey
CMD ["node", "build/services/hypervisor-relay/main.js"]

FROM runtime AS tools
RUN apt-get update \
  && apt-get install --yes --no-install-recommends openssl \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /portkey/build/bundle/cli build/bundle/cli
COPY --from=build /portkey/build/testbed build/testbed
COPY testbed/compose/setup/entry.sh build/testbed/compose/setup/
USER portkey
ENTRYPOINT ["node", "build/bundle/cli/portkey.mjs"]

# Its first process makes the host's network, and is root for that; see entry.sh.
FROM service AS vm
RUN apt-get update \
  && apt-get install --yes --no-install-recommends e2fsprogs iproute2 qemu-system-x86 virtiofsd \
  && rm -rf /var/lib/apt/lists/*
# Copied in here, because the disk is mostly holes, which COPY would fill.
RUN --mount=type=bind,from=guest,source=/image,target=/image mkdir image && cp --sparse=always /image/* image/
COPY --from=build /portkey/build/guest build/guest
COPY --from=build /portkey/build/testbed build/testbed
COPY testbed/compose/vm/entry.sh build/testbed/compose/vm/
# As the user that the VM runs as: it hears what guests answer.
HEALTHCHECK --interval=60s --timeout=15s --retries=3 --start-period=180s --start-interval=3s \
  CMD setpriv --reuid=10077 --regid=10077 --clear-groups --no-new-privs node build/bundle/compose/health.mjs $PORTKEY_HEALTH
ENTRYPOINT ["sh", "build/testbed/compose/vm/entry.sh"]
