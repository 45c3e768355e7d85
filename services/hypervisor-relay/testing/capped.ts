/**
 * For tests of the bandwidth cap: one migration under it, timed, and held to 5 %.
 *
 * Pages and images are two seconds' worth each, nearly all of the images in one. What may come early, the time that the
 * bucket has saved at the beginning (50 ms) and the last piece (20 ms), is then less than 5 %, so that nothing has to be let
 * pass beside it. Too fast is wrong at once. Too slow a busy machine may have made it, so that is tried again.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { listOf, type Relays } from './relays.js';
import { highRamAddress } from './scripted-qemu.js';

const dueSeconds = 2;
const share = 0.05;
const attempts = 3;
const coreBytes = 1000;

export interface CappedSeconds {
  readonly pages: number;
  readonly images: number;
}

/** `time` has the number of the attempt, from 1. */
export async function requireCapHeld(time: (attempt: number) => Promise<CappedSeconds>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const timed = Object.entries(await time(attempt)) as [keyof CappedSeconds, number][];
    for (const [what, seconds] of timed)
      assert.ok(
        seconds >= dueSeconds * (1 - share),
        `${what} took ${seconds} s for ${dueSeconds} s: too fast`,
      );
    const slow = timed.filter(([, seconds]) => seconds > dueSeconds * (1 + share));
    if (slow.length === 0) return;
    const lines = slow.map(([what, seconds]) => `${what} took ${seconds} s for ${dueSeconds} s`);
    assert.ok(attempt < attempts, `${lines.join(', ')}, the last of ${attempts} times`);
  }
}

/** Checks the images that land as well. The guest must have said HELLO. */
export async function migrateCapped(
  relays: Relays,
  migrationId: string,
  bytesPerSecond: number,
): Promise<CappedSeconds> {
  const { hosts } = relays;
  const pfn = highRamAddress / PAGE_BYTES;
  const perSecond = bytesPerSecond / PAGE_BYTES;
  // The same frames each second: the VM has not so many.
  const runs = listOf(
    Array.from({ length: dueSeconds }, (_, second) => [pfn, perSecond, second * perSecond] as const),
  );
  relays.fill(listOf([[pfn, perSecond, 0]]));
  const outgoing = join(hosts.vmA.config.share, 'outgoing', migrationId, 'final');
  mkdirSync(outgoing, { recursive: true });
  const image = Buffer.alloc(bytesPerSecond * dueSeconds - coreBytes, 'x');
  writeFileSync(join(outgoing, 'tmpfs.img'), image);
  writeFileSync(join(outgoing, 'core.img'), image.subarray(0, coreBytes));
  await hosts.giveToGuest(dirname(outgoing));
  await hosts.open(migrationId, bytesPerSecond);
  const timed = {
    pages: await secondsOf(() => relays.send(migrationId, runs)),
    images: await secondsOf(() => hosts.seal(migrationId)),
  };
  assert.ok(hosts.landed(migrationId, 'final/tmpfs.img').equals(image));
  await hosts.close(migrationId);
  return timed;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}
