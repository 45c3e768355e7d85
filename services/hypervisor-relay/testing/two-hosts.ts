/**
 * For tests: relays A and B on loopback, a VM on each, and one migration from A's to B's. On one host, both VMs are
 * the same relay's. They have certificates, unless a test is about what comes without.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Landing } from '../../../libraries/rpc/index.js';
import { runChecked, runCommand } from '../../../libraries/process/index.js';
import { RelayProcess, type HostedVm } from './relay-process.js';
import { ScriptedQemu, type QemuOptions } from './scripted-qemu.js';
import { insecure, relayA, relayB, TestCertificates, type Certified } from './test-certificates.js';

export const deadlineMs = 20_000;

export interface HostOptions extends QemuOptions {
  /** Connections of each migration. */
  readonly streams?: number;
  readonly insecure?: boolean;
  /** Both relays are this user's, as is all that their VMs have; root only. */
  readonly user?: number;
  /** Other VMs of A's relay. */
  readonly beside?: readonly HostedVm[];
}

export class TwoHosts {
  private constructor(
    readonly vmA: ScriptedQemu,
    readonly vmB: ScriptedQemu,
    readonly relayA: RelayProcess,
    readonly relayB: RelayProcess,
    readonly certified: Certified,
    private readonly user?: number,
  ) {}

  static async start({ streams = 1, beside = [], user, ...options }: HostOptions = {}): Promise<TwoHosts> {
    const vmA = await ScriptedQemu.start('vm-a', options);
    const vmB = await ScriptedQemu.start('vm-b', options);
    const certified = options.insecure === true ? insecure : await TestCertificates.make();
    await give(user, [vmA.folder, vmB.folder, ...certified.folders]);
    return new TwoHosts(
      vmA,
      vmB,
      await RelayProcess.start(relayA.name, [vmA, ...beside], streams, certified, user),
      await RelayProcess.start(relayB.name, [vmB], streams, certified, user),
      certified,
      user,
    );
  }

  static async startOnOneHost(options: HostOptions = {}): Promise<TwoHosts> {
    const vmA = await ScriptedQemu.start('vm-a', options);
    const vmB = await ScriptedQemu.start('vm-b', options);
    const certified = options.insecure === true ? insecure : await TestCertificates.make();
    const relay = await RelayProcess.start(relayA.name, [vmA, vmB], 1, certified);
    return new TwoHosts(vmA, vmB, relay, relay, certified);
  }

  get isOneHost(): boolean {
    return this.relayA === this.relayB;
  }

  /** A landing on B and a stream to it on A; A's guest must have said HELLO. */
  async open(migrationId: string, bytesPerSecond = 0): Promise<void> {
    await this.openStream(migrationId, await this.openLanding(migrationId), bytesPerSecond);
  }

  openLanding(migrationId: string): Promise<Landing> {
    return this.relayB.client.call(
      'OpenLanding',
      { migrationId, vm: 'vm-b', expectedBytes: this.vmA.ramBytes, sourceHost: relayA.name },
      { deadlineMs },
    );
  }

  async openStream(
    migrationId: string,
    { address, port, token }: Pick<Landing, 'address' | 'port' | 'token'>,
    bytesPerSecond = 0,
    { vm = 'vm-a', destinationHost = this.isOneHost ? relayA.name : relayB.name } = {},
  ): Promise<void> {
    await this.relayA.client.call(
      'OpenStream',
      { migrationId, vm, address, port, token, bytesPerSecond, destinationHost },
      { deadlineMs },
    );
  }

  /** What was put there is the guest's, and that is the user whom its virtiofsd runs as. */
  async giveToGuest(folder: string): Promise<void> {
    await give(this.user, [folder]);
  }

  landed(migrationId: string, name: string): Buffer {
    return readFileSync(this.landedPath(migrationId, name));
  }

  landedPath(migrationId: string, name: string): string {
    return join(this.vmB.config.share, 'landing', migrationId, name);
  }

  /** Ends the stream in order, with whatever images there are. */
  async seal(migrationId: string): Promise<void> {
    await this.relayA.client.call('SendImages', { migrationId, vm: 'vm-a' }, { deadlineMs });
    await this.relayB.client.call('SealLanding', { migrationId, vm: 'vm-b' }, { deadlineMs });
  }

  async close(migrationId: string, vm = 'vm-a'): Promise<void> {
    await this.relayA.client.call('CloseSession', { migrationId, vm }, { deadlineMs });
    await this.relayB.client.call('CloseSession', { migrationId, vm: 'vm-b' }, { deadlineMs });
  }

  /** Both relays' exit codes. */
  async stop(): Promise<(number | null)[]> {
    const code = await this.relayA.stop();
    const codes = [code, this.isOneHost ? code : await this.relayB.stop()];
    await this.certified.remove();
    return codes;
  }
}

async function give(user: number | undefined, folders: readonly string[]): Promise<void> {
  if (user === undefined) return;
  await runChecked(runCommand, ['chown', '--recursive', '--no-dereference', `${user}:${user}`, ...folders]);
}
