/**
 * All VMs, and where each container is.
 *
 * Nothing about containers is cached: the VMs are the truth, and asking all of them takes one round trip.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { Container, Security } from '../../../libraries/rpc/index.js';
import type { VmConfig } from '../config.js';
import type { Limits } from '../limits.js';
import { Patience } from './patience.js';
import { Vm } from './vm.js';

export interface Placed {
  readonly vm: Vm;
  readonly container: Container;
}

/** What the VMs that answered have, and those that did not. */
export interface Census {
  readonly placed: readonly Placed[];
  readonly silent: readonly { readonly vm: Vm; readonly error: PortkeyError }[];
}

export class Vms {
  readonly all: readonly Vm[];
  private readonly patience: Patience;

  constructor(
    configs: readonly VmConfig[],
    private readonly limits: Limits,
    security: Security,
    clock: Clock,
  ) {
    this.patience = new Patience(clock, limits.silentMs);
    this.all = configs.map((config) => new Vm(config, security));
  }

  /** Throws `vm-unknown`. */
  get(name: string): Vm {
    const vm = this.all.find((candidate) => candidate.name === name);
    if (vm !== undefined) return vm;
    const names = this.all.map((candidate) => candidate.name).join(', ');
    throw new PortkeyError('vm-unknown', `no VM named '${name}'; there are ${names}`);
  }

  async census(): Promise<Census> {
    const placed: Placed[] = [];
    const silent: { vm: Vm; error: PortkeyError }[] = [];
    await Promise.all(
      this.all.map(async (vm) => {
        try {
          placed.push(...(await this.containersOf(vm)).map((container) => ({ vm, container })));
        } catch (thrown) {
          silent.push({ vm, error: asPortkeyError(thrown) });
        }
      }),
    );
    placed.sort((a, b) => a.container.name.localeCompare(b.container.name) || order(a.vm, b.vm));
    return { placed, silent };
  }

  async containersOf(vm: Vm): Promise<Container[]> {
    const list = () => vm.containers.ask('List', {}, { deadlineMs: this.limits.questionMs });
    return (await this.patience.ask(vm.name, list)).containers;
  }

  /** Throws what `placeIn` does. */
  async find(name: string): Promise<Placed> {
    return placeIn(await this.census(), name);
  }

  close(): void {
    for (const vm of this.all) vm.close();
  }
}

/**
 * The container's place: where it runs, if several VMs have one of that name. During a migration only one copy runs at a time,
 * so where two do something has gone wrong, or a VM lies to be taken for the container's; which, a person has to see. Throws
 * `container-unknown`, `container-ambiguous`, `agent-unavailable`.
 */
export function placeIn({ placed, silent }: Census, name: string): Placed {
  const found = placed.filter(({ container }) => container.name === name);
  const running = found.filter(({ container }) => container.state === 'running');
  if (running.length > 1) throw ambiguous(name, running);
  const place = running[0] ?? found[0];
  if (place !== undefined) return place;
  if (silent[0] !== undefined) {
    const names = silent.map(({ vm }) => vm.name).join(', ');
    throw new PortkeyError(
      'agent-unavailable',
      `no container named '${name}' on the VMs that answer, and ${names} did not; see: portkey doctor`,
      { cause: silent[0].error, details: silent[0].error.details },
    );
  }
  throw new PortkeyError('container-unknown', `no container named '${name}'; ${listOf(placed)}`);
}

function ambiguous(name: string, running: readonly Placed[]): PortkeyError {
  const names = running.map(({ vm }) => vm.name).join(' and ');
  return new PortkeyError(
    'container-ambiguous',
    `container '${name}' runs on ${names}, as they say, and may on one only; look at both (portkey ps), then end the wrong ` +
      'one in its VM, or take a VM that lies out of the configuration',
  );
}

function listOf(placed: readonly Placed[]): string {
  if (placed.length === 0) return 'no container runs on any VM; start one with: portkey run';
  return `there are ${placed.map(({ vm, container }) => `${container.name} (${vm.name})`).join(', ')}`;
}

const order = (a: Vm, b: Vm): number => a.name.localeCompare(b.name);
