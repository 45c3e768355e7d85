/**
 * The test bed that the experiment runs on: the one that is up, or one of its own.
 *
 * One that is up is used as it is; options that ask for another are refused, since it is not the experiment's to take
 * down. Where none is up, one is brought up with VMs large enough for the largest container, and taken down again
 * whatever ended the experiment, unless it is to be kept.
 */
import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import { formatBytes } from '../../libraries/units/index.js';
import {
  down,
  sharedRoom,
  shortageOf,
  status,
  up,
  type Room,
  type TestbedState,
} from '../../testbed/index.js';
import type { Accelerator } from '../options.js';
import { floorFiles, landingTimes, largestSize, type BenchPlan } from './plan.js';
import { requireVmMemory, vmMemoryFor } from './vm-memory.js';

/** What the user said; undefined where nothing. */
export interface BedWishes {
  readonly vmMemory?: number;
  readonly accel?: Accelerator;
  readonly link?: string;
  readonly keep: boolean;
}

/** What is asked of testbed/. */
export interface Beds {
  readonly status: () => Promise<Pick<Awaited<ReturnType<typeof status>>, 'state' | 'testbed' | 'processes'>>;
  readonly sharedRoom: () => Promise<Room>;
  readonly up: typeof up;
  readonly down: (hooks: { readonly report: (line: string) => void }) => Promise<unknown>;
}

export const realBeds: Beds = { status, sharedRoom, up, down };

export interface BedTools {
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The bed that is up, or undefined where one can be brought up. Throws `invalid-argument`, `no-room` and `testbed-failed`. */
export async function requireBed(
  beds: Beds,
  plan: BenchPlan,
  wishes: BedWishes,
): Promise<TestbedState | undefined> {
  const { state, testbed: known, processes } = await beds.status();
  if (known !== undefined && processes.some(({ running }) => running)) {
    requireUsable(state, known, wishes);
    return known;
  }
  const vmMemoryBytes = wishes.vmMemory ?? vmMemoryFor(plan);
  requireVmMemory(plan, vmMemoryBytes);
  // What a crashed one left takes room, too, until `up` removes it; `up` then checks for itself.
  if (state === 'down') await requireRoom(beds, plan, vmMemoryBytes);
  return undefined;
}

/** Throws what `requireBed` throws, before anything is touched, and what `up` throws. */
export async function withBed<T>(
  beds: Beds,
  plan: BenchPlan,
  wishes: BedWishes,
  { note, signal }: BedTools,
  work: (testbed: TestbedState) => Promise<T>,
): Promise<T> {
  const running = await requireBed(beds, plan, wishes);
  if (running !== undefined) return work(running);
  const vmMemoryBytes = wishes.vmMemory ?? vmMemoryFor(plan);
  const { accel = 'auto', link = '10gbit' } = wishes;
  const testbed = await beds.up({ vms: 2, vmMemoryBytes, accel, link }, { report: note, signal });
  const takeDown = async (): Promise<unknown> => {
    if (!wishes.keep) return beds.down({ report: note });
    note("the test bed stays up; 'portkey testbed down' takes it down");
    return undefined;
  };
  const result = await work(testbed).catch(async (error: unknown) => {
    await takeDown().catch((second: unknown) => note(asPortkeyError(second).message));
    throw error;
  });
  await takeDown();
  return result;
}

function requireUsable(
  state: string,
  testbed: TestbedState,
  { vmMemory, accel = 'auto', link }: BedWishes,
): void {
  if (state !== 'up')
    throw new PortkeyError(
      'testbed-failed',
      `the test bed is ${state}; see 'portkey testbed status', take it down with 'portkey testbed down'`,
    );
  const differences = [
    ...(vmMemory === undefined || vmMemory === testbed.vmMemoryBytes
      ? []
      : [`VMs of ${formatBytes(testbed.vmMemoryBytes)} (--vm-memory)`]),
    ...(accel === 'auto' || accel === testbed.accel ? [] : [`accelerator ${testbed.accel} (--accel)`]),
    ...(link === undefined || link === testbed.link ? [] : [`a link of ${testbed.link} (--link)`]),
  ];
  if (differences.length === 0) return;
  throw new PortkeyError(
    'invalid-argument',
    `the test bed that is up has ${differences.join(' and ')}; leave the option out, or take it down first with 'portkey testbed down'`,
  );
}

/** Besides the VMs: what lands there in Portkey mode, and the floor's two files, never at the same time. */
async function requireRoom(beds: Beds, plan: BenchPlan, vmMemoryBytes: number): Promise<void> {
  const besidesBytes = largestSize(plan) * (plan.floor ? floorFiles : landingTimes);
  const shortage = shortageOf({ vms: 2, vmMemoryBytes, besidesBytes }, await beds.sharedRoom());
  if (shortage === undefined) return;
  throw new PortkeyError('no-room', `${shortage.problem}; choose smaller --sizes, or ${shortage.enlarge}`);
}
