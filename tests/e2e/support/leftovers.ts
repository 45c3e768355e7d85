/** Everything that a migration may leave in a guest besides the container itself, by a shell command that lists it. */
export const leftovers =
  'find /run/portkey/departures /run/portkey/arrivals /run/portkey/images /mnt/portkey/landing ' +
  '/mnt/portkey/outgoing /run/portkey/containers /run/netns -mindepth 1 -maxdepth 1 2>/dev/null; pgrep -l criu; true';
