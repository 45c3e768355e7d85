/**
 * One VM of this host: its RAM, its two hypercall channels, its share, its CPU.
 *
 * The RAM is found and mapped at each HELLO, because a VM that was started anew has other RAM under the same names.
 * What QEMU says of itself is asked for once per QEMU.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Hello, Message } from '../../../libraries/hypercall/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { AttachedVm as AttachedVmMessage } from '../../../libraries/rpc/index.js';
import { formatBytes, PAGE_BYTES } from '../../../libraries/units/index.js';
import { Channel } from '../channel/channel.js';
import type { LoopObserver } from '../channel/conversation.js';
import { ThreadShare } from '../channel/thread-share.js';
import type { VmConfig } from '../config.js';
import { readMachine, readRamMap, type Machine } from '../qemu/machine.js';
import { GuestRam } from '../ram/guest-ram.js';
import type { RamMap } from '../ram/ram-map.js';
import { ShareFolders } from '../session/folders.js';
import type { OutgoingSession } from '../session/outgoing-session.js';
import type { GuestLog } from './guest-log.js';

/** What it takes of the relay's thread to ask QEMU and to map the RAM, about. */
const attachMs = 5;
/** What it takes of that thread to remove one file, about; the rest of it is the kernel's, in other threads. */
const removalMs = 0.025;

export interface AttachedVmParts {
  readonly config: VmConfig;
  readonly clock: Clock;
  readonly log: GuestLog;
  /** Throws `session-unknown`. */
  readonly sessionOf: (migrationId: string) => OutgoingSession;
  /** Whether a migration that is not this VM's is under way in this relay. */
  readonly isContended: () => boolean;
  readonly onFrame: (type: Message['type'], direction: 'guest-to-host' | 'host-to-guest') => void;
  readonly onError: (error: PortkeyError) => void;
  readonly loop: LoopObserver;
}

export class AttachedVm {
  readonly folders: ShareFolders;
  private readonly channels: { readonly checkpoint: Channel; readonly restore: Channel };
  private ram: GuestRam | undefined;
  private machine: Machine | undefined;

  constructor(private readonly parts: AttachedVmParts) {
    const { config } = parts;
    const share = new ThreadShare(parts.clock, parts.isContended);
    this.folders = new ShareFolders(config.name, config.share, async (entries) => {
      const restMs = share.restMs(entries * removalMs);
      if (restMs > 0) await parts.clock.sleep(restMs);
    });
    const attach = (hello: Hello): Promise<GuestRam> => {
      share.charge(attachMs);
      return this.attach(hello);
    };
    const common = { ...parts, vm: config.name, share, attach };
    this.channels = {
      checkpoint: new Channel({ ...common, agent: 'checkpoint', path: config.checkpointSocket }),
      restore: new Channel({
        ...common,
        agent: 'restore',
        path: config.restoreSocket,
        sessionOf: () => {
          throw new PortkeyError('session-unknown', 'the restore service sends no pages');
        },
      }),
    };
  }

  get name(): string {
    return this.parts.config.name;
  }

  start(): void {
    this.channels.checkpoint.start();
    this.channels.restore.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.channels.checkpoint.stop(), this.channels.restore.stop()]);
    this.ram?.release();
    this.ram = undefined;
  }

  /** The RAM as proved by a HELLO; who keeps it retains it. Throws `no-hypercall-channel`. */
  provedRam(): GuestRam {
    const { ready, detail } = this.channels.checkpoint.state;
    if (ready && this.ram !== undefined) return this.ram;
    throw new PortkeyError('no-hypercall-channel', `${this.name} has no hypercall channel: ${detail}`);
  }

  async describe(): Promise<Omit<AttachedVmMessage, 'relayStart'>> {
    this.machine ??= await readMachine(this.parts.config.qmpSocket).catch(() => undefined);
    return {
      name: this.name,
      ramBytes: this.ram?.map.ramBytes ?? 0,
      checkpoint: this.channels.checkpoint.state,
      restore: this.channels.restore.state,
      landingFreeBytes: await this.folders.freeBytes().catch(() => 0),
      accelerator: this.machine?.accelerator ?? '',
      qemuVersion: this.machine?.qemuVersion ?? '',
      problems: await this.folders.problems(),
    };
  }

  /** Throws `ram-not-shared`, `service-unavailable`, `nonce-mismatch`. The caller releases what it gets. */
  private async attach({ memoryBytes, pageBytes }: Hello): Promise<GuestRam> {
    const { name, qmpSocket, ramFile } = this.parts.config;
    const map = await readRamMap(name, qmpSocket, ramFile);
    this.machine = await readMachine(qmpSocket);
    if (pageBytes !== PAGE_BYTES || memoryBytes > map.ramBytes) {
      throw new PortkeyError(
        'nonce-mismatch',
        `a guest with ${formatBytes(memoryBytes)} in pages of ${pageBytes} bytes speaks for ${name}, which has ${formatBytes(map.ramBytes)} in pages of ${PAGE_BYTES}: check checkpointSocket and restoreSocket`,
      );
    }
    return this.current(map).retain();
  }

  private current(map: RamMap): GuestRam {
    if (this.ram?.isCurrent(map) === true) return this.ram;
    const ram = GuestRam.open(this.name, this.parts.config.ramFile, map);
    this.ram?.release();
    this.ram = ram;
    return ram;
  }
}
