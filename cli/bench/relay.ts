/**
 * The relays against the floor: CPU per GiB that landed, both ends together.
 *
 * Zero pages are only named, so they are in no GiB: the floor has none of them either.
 * The floor is what a minimal sendfile program takes for as many bytes over the same link (testbed/yardstick/floor.ts).
 * The relays may take less. Only Portkey mode sends by relay.
 */
import type { Floor } from '../../testbed/index.js';
import type { BenchMigration, CountedMigration } from './bench-migration.js';
import type { Cell } from './plan.js';
import { groupsOf, spreadOf, spreadOfKnown, type Spread } from './statistics.js';

export const gibibyte = 2 ** 30;

export interface PerGib {
  readonly source: Spread | null;
  readonly destination: Spread | null;
  readonly both: Spread | null;
}

export interface RelayStatistics extends Cell {
  readonly relaySecondsPerGib: PerGib;
  /** Of the container's size; its figures are null where the floor was not measured. */
  readonly floorSecondsPerGib: PerGib;
  /** Median against median; null where either is missing. */
  readonly timesFloor: number | null;
}

/** One entry a cell in which a migration in Portkey mode counts. */
export function relayStatisticsOf(
  migrations: readonly BenchMigration[],
  floor: readonly Floor[],
): RelayStatistics[] {
  return groupsOf(migrations)
    .filter(({ mode }) => mode === 'portkey')
    .map(({ cell, counted }) => {
      const relaySecondsPerGib = relayPerGib(counted);
      const floorSecondsPerGib = floorPerGib(floor, cell.memoryBytes);
      const [relay, least] = [relaySecondsPerGib.both?.median, floorSecondsPerGib.both?.median];
      const timesFloor = relay === undefined || least === undefined || least <= 0 ? null : relay / least;
      return { ...cell, relaySecondsPerGib, floorSecondsPerGib, timesFloor };
    });
}

export function floorPerGib(floor: readonly Floor[], byteLength: number): PerGib {
  const same = floor.filter(({ bytes }) => bytes === byteLength && bytes > 0);
  const of = (seconds: (entry: Floor) => number): Spread | null =>
    spreadOf(same.map((entry) => seconds(entry) / (entry.bytes / gibibyte)));
  return {
    source: of(({ sourceCpuSeconds }) => sourceCpuSeconds),
    destination: of(({ destinationCpuSeconds }) => destinationCpuSeconds),
    both: of(({ sourceCpuSeconds, destinationCpuSeconds }) => sourceCpuSeconds + destinationCpuSeconds),
  };
}

function relayPerGib(counted: readonly CountedMigration[]): PerGib {
  const of = (seconds: (source: number, destination: number) => number): Spread | null =>
    spreadOfKnown(
      counted.map(({ landed, cpuSeconds: { source, destination } }) =>
        source === null || destination === null || landed === null || landed.bytes === 0
          ? null
          : seconds(source.byComponent.relay, destination.byComponent.relay) / (landed.bytes / gibibyte),
      ),
    );
  return {
    source: of((source) => source),
    destination: of((_, destination) => destination),
    both: of((source, destination) => source + destination),
  };
}
