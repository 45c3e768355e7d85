/**
 * A container's TCP connections, from its network namespace's tables (kernel: networking/proc_net_tcp.rst).
 *
 * A frozen container with a namespace of its own, whose link is down, cannot lose a packet to or from outside. What
 * the kernel still moves is between two of its own sockets: acknowledgements and retransmissions of a connection
 * whose both ends are in the container. CRIU's network lock is needed against these alone.
 */
import { readFile } from 'node:fs/promises';

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

/** Of the network namespace that this task is in, IPv4 and IPv6. Throws where the task is gone. */
export async function connectionsOf(pid: number): Promise<Connection[]> {
  const tables = await Promise.all([
    readFile(`/proc/${pid}/net/tcp`, 'utf8'),
    // A kernel without IPv6 has no such table.
    readFile(`/proc/${pid}/net/tcp6`, 'utf8').catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') return '';
      throw error;
    }),
  ]);
  return tables.flatMap(parseConnections);
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
