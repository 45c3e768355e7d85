/**
 * Reads every key back and compares it with the ledger.
 *
 * Nothing may write meanwhile: the ledger's last sent version is then exact. Reads are pipelined within a window.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { RedisConnection } from './connection.js';
import type { Judgement, Ledger } from './ledger.js';
import { keyName } from './writer.js';

const windowSize = 64;

export type Tally = Record<Judgement, number>;

/** Rejects with `stream-broken` if the connection breaks on the way. */
export async function readBack(connection: RedisConnection, ledger: Ledger): Promise<Tally> {
  const tally: Tally = { intact: 0, lost: 0, corrupt: 0 };
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < ledger.keys) {
      const key = next;
      next += 1;
      const reply = await connection.send(['GET', keyName(key)], false);
      // An error reply (WRONGTYPE) means that something else than a value of ours is there.
      tally[reply.kind === 'bulk' ? ledger.judge(key, reply.value) : 'corrupt'] += 1;
    }
  };
  await Promise.all(Array.from({ length: windowSize }, reader));
  return tally;
}

/** The number that Redis gave this connection when it accepted it: the same as long as it is the same one. */
export async function serverClientId(connection: RedisConnection): Promise<number> {
  const reply = await connection.send(['CLIENT', 'ID'], false);
  if (reply.kind !== 'integer')
    throw new PortkeyError('stream-broken', `${connection.peer} did not answer CLIENT ID with a number`);
  return reply.value;
}
