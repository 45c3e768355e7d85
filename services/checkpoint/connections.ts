/**
 * A container's TCP connections, from its network namespace's tables (kernel: networking/proc_net_tcp.rst).
 *
 * A frozen container with a namespace of its own, whose link is down, cannot lose a packet to or from outside. What
 * the kernel still moves is between two of its own sockets: acknowledgements and retransmissions of a connection
 * whose both ends are in the container. CRIU's network lock is needed against these alone.
 */
import { readFileSync } from 'node:fs';

import { errorCodeOf } from '../../libraries/libc/index.js';

/** `st` of an established connection. */
const established = '01';
const listening = '0A';

export interface Connection {
  /** ADDRESS:PORT as the kernel prints it. */
  readonly local: string;
  readonly remote: string;
  readonly state: string;
}

/** Of the network namespace that this task is in, IPv4 and IPv6; undefined where nobody can tell any more. */
export function connectionsOf(pid: number): Connection[] | undefined {
  const tcp = tableOf(pid, 'tcp');
  // A kernel without IPv6 has no table of it.
  return tcp === undefined ? undefined : [tcp, tableOf(pid, 'tcp6') ?? ''].flatMap(parseConnections);
}

function tableOf(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/net/${name}`, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

export function parseConnections(table: string): Connection[] {
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/))
    .map(([, local = '', remote = '', state = '']) => ({
      local: plain(local),
      remote: plain(remote),
      state,
    }));
}

/** A socket for both families has its IPv4 ends as ::ffff:a.b.c.d; the other end may be an IPv4 socket. */
const plain = (address: string): string => address.replace(/^0{16}FFFF0000(?=[0-9A-F]{8}:)/, '');

export const isEstablished = ({ state }: Connection): boolean => state === established;

/** Whether both ends of a connection are here, in whatever state. */
export function hasInternal(connections: readonly Connection[]): boolean {
  const ends = connections.filter(({ state }) => state !== listening);
  const pairs = new Set(ends.map(({ local, remote }) => `${local} ${remote}`));
  return ends.some(({ local, remote }) => pairs.has(`${remote} ${local}`));
}
