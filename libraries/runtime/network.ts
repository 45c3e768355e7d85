/**
 * A container's network: a namespace of its own, made before the container and named by path in its config, with
 * a veth pair to the VM's bridge. Address and MAC move with the container.
 *
 *     namespace portkey-<name>: eth0 (ip, mac) ══ veth ══ <link> on br0 (VM) ── NIC ── hosts' network
 *
 * `<link>`, the outer end, is the switch: down means that no peer reaches the container and it reaches nobody,
 * while the address inside stays as it is. It is down from freeze to rollback on the source, and from preparation
 * to commit on the destination.
 * Containers on the VM's own network have none of this; every function here does nothing for them.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import type { ContainerSpec } from '../rpc/index.js';
import { runChecked, type RunCommand } from '../process/index.js';

/** Puts an interface of the VM up or down: libc's, or a test's. */
export type SetInterface = (name: string, up: boolean) => void;

export class ContainerNetwork {
  readonly namespacePath: string;
  private readonly namespace: string;
  private readonly link: string;
  private readonly own: boolean;

  constructor(
    private readonly spec: ContainerSpec,
    private readonly bridge: string,
    private readonly run: RunCommand,
    private readonly setInterface: SetInterface,
  ) {
    this.own = spec.network !== 'NETWORK_MODE_HOST';
    // Not the bare name: that may be somebody else's namespace, and `remove` takes away what has this name.
    this.namespace = `portkey-${spec.name}`;
    this.namespacePath = `/var/run/netns/${this.namespace}`;
    this.link = outerLinkName(spec.name);
  }

  /** Makes namespace and link, in a state where one `setLink(true)` puts the container on the network. */
  async create(): Promise<void> {
    if (!this.own) return;
    const { namespace, link, spec } = this;
    await this.ip(
      [],
      [
        `netns add ${namespace}`,
        `link add ${link} type veth peer name eth0 address ${spec.mac} netns ${namespace}`,
        `link set ${link} master ${this.bridge} down`,
      ],
    );
    const inside = ['link set lo up', `address add ${spec.ip} dev eth0`, 'link set eth0 up'];
    await this.ip(['-n', namespace], inside);
  }

  setLink(up: boolean): void {
    if (this.own) this.setInterface(this.link, up);
  }

  /**
   * Removes both, whether or not they are there. Throws `runtime-failed` where one is left: nobody would know of it
   * once the container is gone, and no other one of its name could be made.
   */
  async remove(): Promise<void> {
    if (!this.own) return;
    const lines = [`link delete ${this.link}`, `netns delete ${this.namespace}`];
    const { exitCode, stderr } = await this.run(['ip', '-force', '-batch', '-'], { input: batch(lines) });
    // Its exit code does not tell: it is an error, too, that there was nothing to delete.
    const left = [`/sys/class/net/${this.link}`, this.namespacePath].filter((file) => existsSync(file));
    if (left.length === 0) return;
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    throw new PortkeyError(
      'runtime-failed',
      `of the network of container '${this.spec.name}' there are still ${left.join(' and ')}: ${reason === '' ? `ip ended with ${exitCode}` : reason}; stop the container again`,
      { details: stderr },
    );
  }

  /** Several commands by one process: in an emulated guest each one more costs tens of milliseconds. */
  private async ip(options: readonly string[], lines: readonly string[]): Promise<void> {
    await runChecked(this.run, ['ip', ...options, '-batch', '-'], { input: batch(lines), timeoutMs: 10_000 });
  }
}

const batch = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** Interface names have 15 characters at most, so the container's name goes in as a hash. */
export function outerLinkName(container: string): string {
  return `pk-${createHash('sha256').update(container).digest('hex').slice(0, 10)}`;
}

/** A gratuitous ARP request (RFC 5227, section 3): peers and switches learn where this address is now. */
export function gratuitousArp(mac: string, address: string): Buffer {
  const sender = Buffer.from(mac.replaceAll(':', ''), 'hex');
  const ip = Buffer.from(address.split('.').map(Number));
  const broadcast = Buffer.alloc(6, 0xff);
  const head = Buffer.from('0806' + '0001' + '0800' + '0604' + '0001', 'hex');
  return Buffer.concat([broadcast, sender, head, sender, ip, Buffer.alloc(6), ip]);
}
