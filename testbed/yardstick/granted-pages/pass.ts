/**
 * One passage of a container's pages: from a file on the first host into memory of a program in the second VM.
 *
 *     grant     the guest allocates, pins and names pages                      (share: nothing)
 *     transfer  the relay's sender and receiver, over the hosts' link, into those frames or into a file of the share
 *     read      the guest reads the file, as CRIU does when it restores
 *     release   the guest unpins and removes the file                          (share: the host removes the landing)
 *
 * CPU is that of the second VM's host in each phase. Between `read` and `release`, outside of all figures, the host compares
 * what the guest has read with what was sent, byte for byte. Content differs from pass to pass, so that what an earlier
 * one left does not count as arrived.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, truncate } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { secondsSince } from '../../../libraries/process/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { Tools } from '../../tools.js';
import type { VmPlace } from '../../topology.js';
import { touch } from '../host-memory.js';
import { startOnHost, type HostProgram } from '../host-program.js';
import { fillPages } from './content.js';
import type { GuestHalf } from './guest-half.js';
import type { GuestRequest } from './guest-messages.js';
import type { HostCpu, HostCpuMeter } from './host-cpu.js';
import type { Way } from './ways.js';

export const phases = ['grant', 'transfer', 'read', 'release'] as const;
export type Phase = (typeof phases)[number];

export interface Passage {
  readonly cpu: Record<Phase, HostCpu>;
  /** Of all phases. */
  readonly seconds: number;
  /** The most by which the guest's available memory went down. */
  readonly guestBytes: number;
  /** Of the grant, how much the guest's kernel had huge pages for. */
  readonly hugeBytes: number;
}

export interface PassPlace {
  readonly source: VmPlace;
  readonly destination: VmPlace;
  /** Holds the file that is sent; in memory. */
  readonly runtime: string;
  /** Has services/ as compiled. */
  readonly build: string;
}

/** On the share: its name on the host and in the guest. */
export const shareFolder = 'granted-pages';
const guestShare = `/mnt/portkey/${shareFolder}`;
const objectName = 'pages-1.img';
/** As a page lands at its address: that of a mapping as the kernel places it. */
const firstPage = 0x7f00_0000_0000 / PAGE_BYTES;

const portSchema = z.object({ port: z.number() });
const figuresSchema = z.object({ cpuSeconds: z.number() });
const checkSchema = z.object({ pages: z.number(), differing: z.number() });

export class Passes {
  readonly sourceFile: string;
  private readonly landing: string;

  constructor(
    private readonly place: PassPlace,
    private readonly guest: GuestHalf,
    private readonly meter: HostCpuMeter,
    private readonly byteLength: number,
    private readonly tools: Pick<Tools, 'clock' | 'signal'>,
  ) {
    this.sourceFile = path.join(place.runtime, 'granted-pages-source');
    this.landing = path.join(place.destination.share, shareFolder);
  }

  /** Throws `command-failed` where what the guest has read is not what was sent. */
  async run(way: Way): Promise<Passage> {
    const { guest, meter } = this;
    const { grant } = way;
    await mkdir(this.landing, { recursive: true });
    await fillPages(this.sourceFile, this.byteLength);
    await touch(this.byteLength, this.place.runtime, this.tools.signal);
    const answers = [await guest.ask({ do: 'forget' })];
    const ask = async (request: GuestRequest): Promise<number> => {
      answers.push(await guest.ask(request));
      return 0;
    };
    let seconds = 0;
    const phase = async (work: () => Promise<number>): Promise<HostCpu> => {
      const startMs = this.tools.clock.monotonicMs();
      const cpu = await meter.during(work);
      seconds += secondsSince(this.tools.clock, startMs);
      return cpu;
    };
    const nothing = (): Promise<number> => Promise.resolve(0);
    const { byteLength } = this;
    const granted = grant && { folder: guest.folder(grant.pages), pagemap: `${guestShare}/grant` };
    const file = granted ? {} : { file: `${guestShare}/${objectName}` };
    const offset = granted ? 0 : firstPage * PAGE_BYTES;
    const cpu = {
      grant: await phase(granted ? () => ask({ do: 'grant', byteLength, ...granted }) : nothing),
      transfer: await phase(() => this.transfer(way)),
      read: await phase(() => ask({ do: 'read', ...file, offset, byteLength })),
    };
    await this.check(way);
    const release = await phase(() => (granted ? ask({ do: 'release' }) : this.removeLanding()));
    const available = answers.map(({ availableBytes }) => availableBytes);
    const [before = 0] = available;
    const huge = answers.map(({ hugeBytes }) => hugeBytes);
    return {
      cpu: { ...cpu, release },
      seconds,
      guestBytes: before - Math.min(...available),
      hugeBytes: Math.max(...huge) - Math.min(...huge),
    };
  }

  /** The receiver's CPU. */
  private async transfer({ grant }: Way): Promise<number> {
    const { destination, source } = this.place;
    const token = randomBytes(32).toString('hex');
    const landing =
      grant === undefined
        ? { folder: this.landing }
        : {
            vm: vmOf(destination),
            pagemap: path.join(this.landing, 'grant'),
            firstPage,
            content: grant.content,
          };
    const address = destination.hostAddress;
    const receiver = this.program('landing-receiver', destination, { address, token, landing });
    let sender: HostProgram | undefined;
    try {
      const { port } = portSchema.parse(await receiver.line());
      sender = this.program('landing-sender', source, {
        ...{ peer: { address, port }, token, file: this.sourceFile, firstPage },
        ...{ object: objectName, images: path.join(this.place.runtime, 'granted-pages-none') },
      });
      await sender.line();
      return figuresSchema.parse(await receiver.line()).cpuSeconds;
    } finally {
      receiver.child.kill('SIGKILL');
      sender?.child.kill('SIGKILL');
    }
  }

  private async check({ name }: Way): Promise<void> {
    const { guest, place } = this;
    await guest.ask({ do: 'frames', pagemap: `${guestShare}/read` });
    const vm = vmOf(place.destination);
    const pagemap = path.join(this.landing, 'read');
    const checker = this.program('frame-check', place.destination, { vm, pagemap, file: this.sourceFile });
    const { pages, differing } = checkSchema.parse(await checker.line());
    if (pages * PAGE_BYTES !== this.byteLength || differing > 0)
      throw new PortkeyError(
        'command-failed',
        `${name}: ${differing} of ${pages} pages that the guest has read differ from what was sent`,
      );
    await guest.ask({ do: 'forget' });
  }

  /** What it took this process, which does here what the relay does. */
  private async removeLanding(): Promise<number> {
    const before = process.cpuUsage();
    const file = path.join(this.landing, objectName);
    // The guest may still hold the file: without this, its memory would be given back later, in nobody's figures.
    await truncate(file, 0);
    await rm(file);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  }

  private program(name: string, { namespace }: VmPlace, config: object): HostProgram {
    const file = path.join(this.place.build, 'services/hypervisor-relay/yardstick', `${name}.js`);
    return startOnHost(file, namespace, [JSON.stringify(config)], this.tools.signal);
  }
}

function vmOf({ name, qmpSocket, ramFile }: VmPlace): object {
  return { name, qmpSocket, ramFile };
}
