/**
 * Starting, listing and stopping containers on any VM.
 *
 * The restore service of a VM makes and ends its containers; what is added here needs a view of all VMs: a name is
 * used once, an address is used once, and neither is true for a moment only. So a name is locked in Redis while a
 * container starts or stops (against a migration, too), and an address is reserved there before it is used. Where the VM does not
 * say whether it has started a container, name and address stay taken until all VMs answer, and none has it.
 */
import type { Logger } from 'pino';

import { asPortkeyError, PortkeyError, type ErrorCode } from '../../../libraries/errors/index.js';
import type {
  Container,
  ContainerSpec,
  PlacedContainer,
  PlacedContainers,
  RunContainerRequest,
} from '../../../libraries/rpc/index.js';
import type { Limits } from '../limits.js';
import type { Migrations } from '../migration/migrations.js';
import type { AddressBook, ContainerLocks } from '../state/index.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { Census, Placed, Vms } from '../vms/vms.js';
import { addressesOf, checkAddress, checkMac, macOf, type AddressRange } from './addresses.js';
import { checkContainerName } from './name.js';

/** After these nobody knows whether the agent has done what it was called for, or does it yet. */
const unanswered: readonly ErrorCode[] = [
  ...(['service-unavailable', 'agent-unavailable', 'deadline-exceeded', 'cancelled', 'internal'] as const),
];

export class ContainerAdmin {
  constructor(
    private readonly vms: Vms,
    private readonly locks: ContainerLocks,
    private readonly book: AddressBook,
    private readonly migrations: Pick<Migrations, 'standingOf'>,
    private readonly range: AddressRange,
    private readonly limits: Limits,
    private readonly log: Logger,
  ) {}

  /** Throws `vm-unknown`, `container-exists`, `container-busy`, `address-taken`, and what the VM's agent throws. */
  async run({ vm: vmName, spec }: RunContainerRequest): Promise<Container> {
    if (spec === null) throw new PortkeyError('invalid-argument', 'no container to run');
    checkContainerName(spec.name);
    const vm = this.vms.get(vmName);
    return this.locks.hold('run', spec.name, async (leftMs) => {
      const census = await this.vms.census();
      const silence = census.silent.find((silent) => silent.vm === vm);
      if (silence !== undefined) return needed(Promise.reject(silence.error), 'agent-unavailable');
      await this.checkNameIsFree(spec.name, census);
      const addressed = await this.withAddress(spec, vm, census);
      const deadlineMs = Math.min(this.limits.stepMs, leftMs());
      if (deadlineMs <= 0) {
        throw new PortkeyError(
          'container-busy',
          `container '${spec.name}' was not started on ${vm.name}, because getting that far took this controller too ` +
            'long: somebody else may have begun with it; see: portkey ps',
        );
      }
      try {
        return await needed(vm.containers.call('Run', addressed, { deadlineMs }), 'agent-unavailable');
      } catch (thrown) {
        const isUnknown = unanswered.includes(asPortkeyError(thrown).code);
        if (!isUnknown && leftMs() > 0) await this.release(spec.name);
        throw thrown;
      }
    });
  }

  /** All containers, or one VM's. A VM that does not answer becomes a line in `problems`, unless it was named. */
  async list(vmName: string): Promise<PlacedContainers> {
    if (vmName !== '') {
      const vm = this.vms.get(vmName);
      const containers = await needed(this.vms.containersOf(vm), 'agent-unavailable');
      const placed = containers.map((container) => this.withMigrationState({ vm, container }));
      return { containers: await Promise.all(placed), problems: [] };
    }
    const { placed, silent } = await this.vms.census();
    return {
      containers: await Promise.all(placed.map((place) => this.withMigrationState(place))),
      problems: silent.map(({ vm, error }) => `the containers of ${vm.name} are unknown: ${error.message}`),
    };
  }

  /** Throws `container-unknown` and `container-busy`. */
  async stop(name: string): Promise<void> {
    checkContainerName(name);
    await this.locks.hold('stop', name, async () => {
      const { vm } = await this.vms.find(name);
      await vm.containers.call('Stop', { name }, { deadlineMs: this.limits.stepMs });
      await this.release(name);
    });
  }

  /** Without Redis the containers are still to be seen. */
  private async withMigrationState({ vm, container }: Placed): Promise<PlacedContainer> {
    const { claim } = container;
    if (claim === null) return { vm: vm.name, container, migrationState: '' };
    const state = await this.migrations.standingOf(claim.migrationId).then(
      (standing) => standing.state,
      () => 'unknown',
    );
    return { vm: vm.name, container, migrationState: state };
  }

  private async checkNameIsFree(name: string, { placed, silent }: Census): Promise<void> {
    const place = placed.find(({ container }) => container.name === name);
    if (place !== undefined) {
      throw new PortkeyError(
        'container-exists',
        `container '${name}' exists already, on ${place.vm.name}; choose another name or stop it with: portkey stop ${name}`,
      );
    }
    if (silent.length === 0) return;
    const startedOn = (await this.book.holders()).get(name);
    if (startedOn === undefined) return;
    const when = startedOn === '' ? '' : ` (it was to start on ${startedOn})`;
    throw new PortkeyError(
      'container-exists',
      `container '${name}' may exist on ${silent.map(({ vm }) => vm.name).join(', ')}, which does not answer${when}; ` +
        'choose another name, or see: portkey doctor',
    );
  }

  private async withAddress(spec: ContainerSpec, vm: Vm, census: Census): Promise<ContainerSpec> {
    const starting = { container: spec.name, vm: vm.name };
    const names = census.placed.map(({ container }) => container.name);
    const known = census.silent.length === 0 ? names : undefined;
    if (spec.network === 'NETWORK_MODE_HOST') {
      await this.book.enter(starting, known);
      return { ...spec, ip: '', mac: '' };
    }
    const used = new Map(census.placed.map(({ container }) => [container.ip, container.name]));
    const wanted = spec.ip === '' ? undefined : checkAddress(spec.ip);
    const candidates = (wanted === undefined ? addressesOf(this.range) : [wanted]).filter(
      (ip) => !used.has(ip),
    );
    const address = await this.book.reserve(starting, candidates, known);
    if (address === undefined) throw this.noAddress(wanted, used);
    const prefix = spec.ip.split('/')[1] ?? String(this.range.prefix);
    const mac = spec.mac === '' ? macOf(address) : checkMac(spec.mac);
    return { ...spec, network: 'NETWORK_MODE_OWN', ip: `${address}/${prefix}`, mac };
  }

  private noAddress(wanted: string | undefined, used: ReadonlyMap<string, string>): PortkeyError {
    if (wanted === undefined) {
      const { first, last } = this.range;
      return new PortkeyError(
        'address-taken',
        `all addresses from ${first} to ${last} are taken; stop a container, or widen containerAddresses`,
      );
    }
    const holder = used.get(wanted);
    const by = holder === undefined ? 'another container' : `container '${holder}'`;
    return new PortkeyError(
      'address-taken',
      `address ${wanted} is taken by ${by}; leave --ip out to get a free one`,
    );
  }

  /** Best effort: an entry that stays is void after a while. */
  private async release(name: string): Promise<void> {
    await this.book.release(name).catch((error: unknown) => {
      this.log.warn({ error: String(error) }, 'address not given back');
    });
  }
}
