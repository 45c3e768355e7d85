/**
 * Has QEMU migrate with one live round, for QEMUs that lose writes when they look twice.
 *
 *   stop → migrate: what was written is forgotten, once → cont: the live round → stop, before it ends → the rest → cont there
 *
 * Before 9.0, an emulating QEMU forgets which pages were written without telling the emulated CPU, which goes on writing to
 * pages that it takes for known ("physmem: Fix migration dirty bitmap coherency with TCG memory access"); those writes
 * stay behind, and the guest crashes where it arrives (seen with 7.2.22). With a CPU that stands still whenever QEMU
 * looks, nothing is lost: starting to log writes empties the CPU's TLB, and from there it knows no page.
 *
 * What QEMU looks at is what remains of the round: it looks again when nothing does. So the CPU is stopped while a reserve
 * remains, larger than what went between two looks from here. Invariant: a migration in which QEMU looked while
 * the CPU ran is an error, never a figure. Limit: the reserve and what was written since go while the VM stands still,
 * so the downtime is longer than QEMU's own would be, and does not obey its limit.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { secondsSince } from '../../../libraries/process/index.js';
import type { QmpClient } from '../../../libraries/qemu/index.js';
import type { Tools } from '../../tools.js';
import type { Accelerator } from '../../vm/qemu-command.js';
import type { Machine } from './machine.js';
import { poll } from './poll.js';

const firstMajorThatKeepsWrites = 9;
const leastReserveBytes = 128 * 2 ** 20;
/** Of what went since the last look: pages of zeros at the end go much faster than those before. */
const reserveFactor = 4;

const versionSchema = z.object({ qemu: z.object({ major: z.number() }) });
const progressSchema = z.object({
  status: z.string().optional(),
  'error-desc': z.string().optional(),
  ram: z.object({ remaining: z.number(), 'dirty-sync-count': z.number() }).optional(),
});
const statusSchema = z.object({ status: z.string() });

interface Progress {
  readonly remainingBytes: number;
  readonly looks: number;
}

export async function losesWrites(qmp: QmpClient, accelerator: Accelerator): Promise<boolean> {
  if (accelerator !== 'tcg') return false;
  const { qemu } = versionSchema.parse(await qmp.execute('query-version'));
  return qemu.major < firstMajorThatKeepsWrites;
}

export class OneLiveRound {
  private stoppedMs = 0;
  private seconds = 0;

  constructor(
    private readonly qmp: QmpClient,
    private readonly source: Pick<Machine, 'daemon'>,
    private readonly tools: Pick<Tools, 'clock' | 'signal'>,
  ) {}

  /** Before `migrate`. */
  async prepare(): Promise<void> {
    await this.qmp.execute('stop');
  }

  /** After `migrate`, until the VM stands still for good. Throws `command-failed` where that was too late. */
  async run(): Promise<void> {
    const { qmp, source, tools } = this;
    let begun: Progress | undefined;
    await poll(tools, [source], async () => (begun = await this.progress()) !== undefined);
    const looksBefore = begun?.looks ?? 0;
    await qmp.execute('cont');
    let last = begun?.remainingBytes ?? 0;
    await poll(tools, [source], async () => {
      const progress = await this.progress();
      if (progress === undefined) return true;
      const reserve = reserveBytes(last - progress.remainingBytes);
      last = progress.remainingBytes;
      return last <= reserve || progress.looks > looksBefore;
    });
    this.stoppedMs = tools.clock.monotonicMs();
    await qmp.execute('stop');
    const looks = (await this.progress())?.looks;
    if (looks !== looksBefore)
      throw new PortkeyError(
        'command-failed',
        'the VM was not stopped before QEMU looked again which pages it had written, and this QEMU then loses some; ' +
          'try again with less load on this machine',
      );
  }

  /** At the destination, which has the VM stopped as it came. */
  async resumeAt(qmp: QmpClient, destination: Pick<Machine, 'daemon'>): Promise<void> {
    const arrived = async (): Promise<boolean> =>
      statusSchema.parse(await qmp.execute('query-status')).status !== 'inmigrate';
    await poll(this.tools, [destination], arrived);
    await qmp.execute('cont');
    this.seconds = secondsSince(this.tools.clock, this.stoppedMs);
  }

  /** From the last `stop` until the VM runs. */
  downtimeSeconds(): number {
    return this.seconds;
  }

  /** Undefined before and after the pages go. */
  private async progress(): Promise<Progress | undefined> {
    const {
      status,
      ram,
      'error-desc': reason,
    } = progressSchema.parse(await this.qmp.execute('query-migrate'));
    if (status === 'failed' || status === 'cancelled')
      throw new PortkeyError(
        'command-failed',
        `QEMU's migration ${status}: ${reason ?? 'it does not say why'}`,
      );
    if (status !== 'active' || ram === undefined) return undefined;
    return { remainingBytes: ram.remaining, looks: ram['dirty-sync-count'] };
  }
}

export function reserveBytes(goneSinceLastLook: number): number {
  return Math.max(leastReserveBytes, reserveFactor * goneSinceLastLook);
}
