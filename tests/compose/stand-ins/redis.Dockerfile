# Stands in for Redis' own image: the user, folder and programs that compose.yaml relies on, from Debian's package.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update \
  && apt-get install --yes --no-install-recommends redis-server \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir /data \
  && chown redis:redis /data
VOLUME /data
WORKDIR /data
CMD ["redis-server"]
