/**
 * For measure.js: what the relays have to reach against the floor, CPU of both ends together.
 *
 * `bench` judges the first one, too, on containers in VMs. A container's memory has long runs, so what single pages cost
 * is judged here alone.
 */
export interface RelayBar {
  /** Of measure.js. */
  readonly row: string;
  readonly mostTimesFloor: number;
}

export const relayBars: readonly RelayBar[] = [
  { row: 'contiguous', mostTimesFloor: 1.25 },
  { row: 'every page a run', mostTimesFloor: 2 },
];

/** A line each; `timesFloor` has the rows that were measured, by name. */
export function relayBarLines(timesFloor: ReadonlyMap<string, number>): string[] {
  return relayBars.map(({ row, mostTimesFloor }) => {
    const measured = timesFloor.get(row);
    const verdict =
      measured === undefined
        ? 'not measured'
        : `${measured <= mostTimesFloor ? 'met' : 'missed'}, ${measured.toFixed(2)} ×`;
    return `bar, relay CPU per GiB, ${row}: at most ${mostTimesFloor} × the floor: ${verdict}`;
  });
}
