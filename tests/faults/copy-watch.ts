/**
 * Watches, through one cell, that no more than one copy runs: some looks while the fault lasts, one at its end and one when all
 * is settled.
 *
 * A VM that was killed or stopped runs nothing, and is not asked. One that is cut off or has no memory left cannot be: what ran
 * there is noted in there, and in the other VM, too (copy-sampler.ts). Whoever else does not answer is a finding: nobody knows what runs there.
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

/** Cannot be asked while the fault lasts. */
function brokenVm(part: Part, { source, destination }: Scene): string | undefined {
  switch (part) {
    case 'VM of the source':
    case 'memory of the source':
      return source.name;
    case 'VM of the destination':
    case 'memory of the destination':
      return destination.name;
    default:
      return undefined;
  }
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
  ) {
    this.copies = new CopyCount(guests, container);
  }

  /** Before the migration: there is no time for it between the state and the fault. */
  static async start({ part, kind }: Cell, container: string, scene: Scene): Promise<CopyWatch> {
    const vms = [scene.source.name, scene.destination.name];
    const broken = brokenVm(part, scene);
    const askable = vms.filter((vm) => vm !== broken);
    if (broken === undefined || kind === 'kill' || kind === 'stop')
      return new CopyWatch(container, scene.guests, vms, askable, []);
    const samplers = await Promise.all(vms.map((vm) => CopySampler.start(vm, container)));
    return new CopyWatch(container, scene.guests, vms, askable, samplers);
  }

  /** While the fault lasts. */
  async hold(holdMs: number): Promise<void> {
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
    const silence = longestSilence(samples, this.startedSeconds, performance.now() / 1000);
    if (silence <= silenceSeconds) return [];
    return [`${this.vms[index] ?? ''}: nobody noted for ${silence.toFixed(0)} s whether a copy ran there`];
  }
}
