/**
 * Watches, through one cell, that no more than one copy runs: by notes that are taken in both VMs all the time (copy-sampler.ts),
 * and by looks when the fault is over and when all is settled.
 *
 * A VM that was killed loses its notes, so there the other one is looked at while the fault lasts: nothing runs in a dead VM. One
 * that stands still notes nothing and runs nothing. Whoever else does not answer, or takes no notes, is a finding: nobody
 * knows what runs there.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { Cell } from './cell.js';
import { CopyCount } from './copies.js';
import { CopySampler, longestSilence, momentsTogether, type Sample } from './copy-sampler.js';
import type { Guests } from './guests.js';
import type { Part, Scene } from './parts.js';

const lookMs = 5_000;
/** A guest that works at a dump or a restore is not prompt. */
const silenceSeconds = 10;

function brokenVm(part: Part, { source, destination }: Scene): string | undefined {
  if (part === 'VM of the source') return source.name;
  return part === 'VM of the destination' ? destination.name : undefined;
}

export class CopyWatch {
  private readonly copies: CopyCount;
  private readonly startedSeconds = performance.now() / 1000;

  private constructor(
    container: string,
    guests: Guests,
    private readonly vms: readonly string[],
    /** While the fault lasts. */
    private readonly askable: readonly string[],
    private readonly samplers: readonly CopySampler[],
    /** Takes no notes while the fault lasts. */
    private readonly still: string | undefined,
  ) {
    this.copies = new CopyCount(guests, container);
  }

  /** Before the migration: there is no time for it between the state and the fault. */
  static async start({ part, kind }: Cell, container: string, scene: Scene): Promise<CopyWatch> {
    const vms = [scene.source.name, scene.destination.name];
    const { guests } = scene;
    const broken = brokenVm(part, scene);
    if (broken !== undefined && kind === 'kill') {
      const askable = vms.filter((vm) => vm !== broken);
      return new CopyWatch(container, guests, vms, askable, [], undefined);
    }
    const samplers = await Promise.all(vms.map((vm) => CopySampler.start(guests, vm, container)));
    return new CopyWatch(container, guests, vms, [], samplers, kind === 'stop' ? broken : undefined);
  }

  /** While the fault lasts. */
  async hold(holdMs: number): Promise<void> {
    if (this.samplers.length > 0) {
      await delay(holdMs);
      return;
    }
    const endMs = performance.now() + holdMs;
    for (;;) {
      await this.copies.count(this.askable);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return;
      await delay(Math.min(lookMs, leftMs));
    }
  }

  /** When the fault is over. */
  async look(): Promise<void> {
    await this.copies.count(this.vms);
  }

  /** How many ran at once, and what is wrong with that. */
  async end(): Promise<{ readonly mostCopies: number; readonly findings: readonly string[] }> {
    await this.look();
    const samples = await Promise.all(this.samplers.map((sampler) => sampler.stop()));
    const silences = samples.flatMap((each, index) => this.silenceOf(each, index));
    const [one = [], other = []] = samples;
    const [together] = momentsTogether(one, other);
    if (together !== undefined) this.copies.saw(2);
    return { mostCopies: this.copies.most, findings: [...this.copies.findings, ...silences] };
  }

  private silenceOf(samples: readonly Sample[], index: number): string[] {
    const vm = this.vms[index] ?? '';
    const silence = longestSilence(samples, this.startedSeconds, performance.now() / 1000);
    if (vm === this.still || silence <= silenceSeconds) return [];
    return [`${vm}: nobody noted for ${silence.toFixed(0)} s whether a copy ran there`];
  }
}
