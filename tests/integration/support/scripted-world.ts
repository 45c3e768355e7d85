/**
 * What is true of the containers, whatever the services say: the state that in reality is in the kernels and file
 * systems of the VMs and outlives the services' processes.
 *
 * It also keeps the one rule that must never be broken: of one container, one copy at most runs.
 */
import type { ContainerSpec } from '../../../libraries/rpc/index.js';

/** `stopped`: restored, and not told to run. `ended`: no task is left. */
export type CopyState = 'running' | 'frozen' | 'prepared' | 'stopped' | 'ended';

/** The migration that has a copy, in which epoch, and on which side. */
export interface ScriptedClaim {
  readonly id: string;
  readonly role: 'source' | 'destination';
  epoch: number;
}

export interface Copy {
  readonly vm: string;
  readonly spec: Partial<ContainerSpec> & { name: string };
  state: CopyState;
  claim: ScriptedClaim | undefined;
}

export class World {
  readonly copies: Copy[] = [];
  /** "vm:migration" of each relay session that is open. */
  readonly sessions = new Set<string>();
  /** Broken rules; empty in a good world. */
  readonly violations: string[] = [];

  copy(vm: string, name: string): Copy | undefined {
    return this.copies.find((copy) => copy.vm === vm && copy.spec.name === name);
  }

  add(vm: string, spec: Copy['spec'], state: CopyState, claim?: Copy['claim']): Copy {
    const copy: Copy = { vm, spec, state, claim };
    this.copies.push(copy);
    return copy;
  }

  remove(copy: Copy): void {
    this.copies.splice(this.copies.indexOf(copy), 1);
  }

  /** A VM dies with all that runs in it. */
  lose(vm: string): void {
    for (const copy of this.copies.filter((each) => each.vm === vm)) this.remove(copy);
  }

  run(copy: Copy): void {
    const other = this.copies.find(
      (c) => c !== copy && c.spec.name === copy.spec.name && c.state === 'running',
    );
    if (other !== undefined)
      this.violations.push(`'${copy.spec.name}' runs on ${copy.vm} and on ${other.vm}`);
    copy.state = 'running';
  }

  /** The VMs on which a copy of `name` runs. */
  runningOn(name: string): string[] {
    return this.copies.filter((c) => c.spec.name === name && c.state === 'running').map(({ vm }) => vm);
  }
}
