/**
 * One VM's migration while another floods the relay of both, and while it does not.
 *
 * A migration has some full SENDs, of 64 MiB each, then a hundred small ones each of which waits for the one before, as what
 * is sent while a container is frozen does; it is timed from its opening to its seal. With and without the flood take turns,
 * so that what else the machine does meets both. What the flood takes of the relay is measured before its migration, over a
 * second in which nothing else happens. Another migration stands all the time, so that the relay knows of one.
 */
import { median } from '../../../libraries/statistics/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { listOf, object } from '../testing/relays.js';
import { greet } from '../testing/scripted-guest.js';
import { highRamAddress } from '../testing/scripted-qemu.js';
import { TwoHosts } from '../testing/two-hosts.js';
import type { FloodName } from './floods.js';
import { HostileVm } from './hostile-vm.js';

const MiB = 2 ** 20;
const firstPfn = highRamAddress / PAGE_BYTES;
const pagesOfSend = (64 * MiB) / PAGE_BYTES;
const smallSends = 100;
const pagesOfSmallSend = 16;
const watchMs = 1_000;

export interface FloodFigures {
  /** Medians of migrations. */
  readonly calmSeconds: number;
  readonly floodedSeconds: number;
  /** Flooded by calm, of each pair. */
  readonly ratios: readonly number[];
  /** What the flood alone takes of a core in the source's relay; median. */
  readonly relayCores: number;
  /** The most that the source's relay had of its own at the end of a flooded migration, beyond what it had before the first. */
  readonly grownBytes: number;
}

interface Flooded {
  readonly seconds: number;
  readonly relayCores: number;
  /** The relay's own memory, before the flood ends. */
  readonly ownBytes: number;
}

export class FloodBench {
  private migrations = 0;

  private constructor(
    private readonly hosts: TwoHosts,
    private readonly hostile: HostileVm,
    private readonly fullSends: number,
  ) {}

  /** `fullSends`: of each migration. */
  static async start(fullSends: number): Promise<FloodBench> {
    const hostile = await HostileVm.start();
    const hosts = await TwoHosts.start({ beside: [hostile] });
    const content = Buffer.alloc(MiB, 'content');
    for (let at = 0; at < pagesOfSend * PAGE_BYTES; at += MiB) hosts.vmA.write(highRamAddress + at, content);
    const { client } = await greet(hosts.vmA);
    await hosts.open('standing');
    await client.close();
    return new FloodBench(hosts, hostile, fullSends);
  }

  /** `pairs` of migrations, after one of each that is not counted. */
  async measure(name: FloodName, pairs: number): Promise<FloodFigures> {
    await this.migrate();
    const beforeBytes = this.hosts.relayA.anonymousBytes;
    const first = await this.migrateFlooded(name);
    const calm: number[] = [];
    const flooded: Flooded[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      calm.push(await this.migrate());
      flooded.push(await this.migrateFlooded(name));
    }
    return {
      calmSeconds: median(calm),
      floodedSeconds: median(flooded.map(({ seconds }) => seconds)),
      ratios: flooded.map(({ seconds }, pair) => seconds / (calm[pair] ?? Number.NaN)),
      relayCores: median(flooded.map(({ relayCores }) => relayCores)),
      grownBytes: Math.max(...[first, ...flooded].map(({ ownBytes }) => ownBytes)) - beforeBytes,
    };
  }

  /** Exit codes of the relays. */
  stop(): Promise<(number | null)[]> {
    return this.hosts.stop();
  }

  private async migrateFlooded(name: FloodName): Promise<Flooded> {
    const { hosts, hostile } = this;
    const vm = hostile.config.name;
    const own = name === 'sends' ? `hostile-${(this.migrations += 1)}` : undefined;
    if (own !== undefined) {
      await hostile.greet(own);
      await hosts.openStream(own, await hosts.openLanding(own), 0, { vm });
    }
    await hostile.flood(name);
    try {
      const relayCores = await this.coresOfRelay();
      const seconds = await this.migrate();
      return { seconds, relayCores, ownBytes: hosts.relayA.anonymousBytes };
    } finally {
      await hostile.calm();
      if (own !== undefined) await hosts.close(own, vm);
    }
  }

  private async coresOfRelay(): Promise<number> {
    const { relayA } = this.hosts;
    const startMs = performance.now();
    const cpuSeconds = relayA.cpuSeconds;
    await new Promise((resolve) => setTimeout(resolve, watchMs));
    return ((relayA.cpuSeconds - cpuSeconds) * 1000) / (performance.now() - startMs);
  }

  /** Returns its seconds. */
  private async migrate(): Promise<number> {
    const { hosts } = this;
    const { client } = await greet(hosts.vmA);
    const migrationId = `m-${(this.migrations += 1)}`;
    const startMs = performance.now();
    await hosts.open(migrationId);
    const id = await client.open(migrationId, object);
    const landed: Promise<unknown>[] = [];
    for (let send = 0; send < this.fullSends; send += 1) {
      const sent = await client.send(id, listOf([[firstPfn, pagesOfSend, send * pagesOfSend]]));
      landed.push(sent.landed);
    }
    await Promise.all(landed);
    for (let send = 0; send < smallSends; send += 1) {
      const sent = await client.send(id, listOf([[firstPfn, pagesOfSmallSend, send * pagesOfSmallSend]]));
      await sent.landed;
    }
    await client.closeObject(id);
    await hosts.seal(migrationId);
    const seconds = (performance.now() - startMs) / 1000;
    await hosts.close(migrationId);
    await client.close();
    return seconds;
  }
}
