/**
 * `claim.json`: by which migration a container is claimed, and in which epoch.
 *
 *     {"current":0,"epochs":["                   1","                   1"],"migrationId":"…","role":"source"}
 *
 * Goal: the epoch can be raised on a full file system, since nothing can be undone before it is (in-place.ts).
 * Invariant: whoever reads the file, at any time, also while an agent raises the epoch or after it was killed in
 * between, finds the old epoch or the new one, and nothing between them. The kernel does not promise that for several
 * bytes: a reader in another process can see some of them before the others. So there are two places for an epoch. The
 * new one is written where nobody looks; then one byte, `current`, says that it counts, and a byte is written whole or
 * not at all. It stands before the places, so that a reader that has found it changed finds the new epoch, too.
 * Limits: a reader that is kept waiting in the middle of its one read(2), while two controllers one after the other take
 * the migration over, can see some digits of either.
 */
import { readFileSync } from 'node:fs';

import type { Mode } from '../rpc/index.js';
import { overwrite } from './in-place.js';

export interface Claim {
  readonly migrationId: string;
  readonly epoch: number;
  readonly role: 'source' | 'destination';
  /** At the destination: the way that its pages take. */
  readonly mode?: Mode;
  /** At the destination: the VM that the container comes from. */
  readonly sourceVm?: string;
  /** At the destination: what the source has said that the container has, in memory and besides. */
  readonly expectedBytes?: number;
}

interface Stored extends Omit<Claim, 'epoch'> {
  readonly current: 0 | 1;
  /** As text: part of a new number between blanks of the old one would be none that JSON can be read with. */
  readonly epochs: readonly [string, string];
}

/** Of the largest uint64. */
const epochDigits = 20;
const beforeCurrent = '{"current":';
const beforeEpochs = `${beforeCurrent}0,"epochs":["`;
const betweenEpochs = '","';

const digits = (epoch: number): string => String(epoch).padStart(epochDigits);

export function encodeClaim({ epoch, ...others }: Claim): string {
  return `${beforeEpochs}${digits(epoch)}${betweenEpochs}${digits(epoch)}"],${JSON.stringify(others).slice(1)}`;
}

export function decodeClaim(text: string): Claim {
  const { current, epochs, ...others } = JSON.parse(text) as Stored;
  return { ...others, epoch: Number(epochs[current]) };
}

export function raiseEpoch(file: string, epoch: number): void {
  const next = (JSON.parse(readFileSync(file, 'utf8')) as Stored).current === 0 ? 1 : 0;
  overwrite(file, digits(epoch), beforeEpochs.length + next * (epochDigits + betweenEpochs.length));
  overwrite(file, String(next), beforeCurrent.length);
}
