/**
 * The transition table (../state/states.ts) as Promela, so that the model of the hand-over (hand-over.pml) steps as the
 * code does: there is one table, and the model is made from it whenever it is checked.
 *
 * States become values of `mtype:state`, with '_' for what Promela has no names for; `MAY_FOLLOW(from, to)` and
 * `IS_FINAL(state)` are macros (Holzmann, The SPIN Model Checker, chapter 3).
 */
type Table = Readonly<Record<string, readonly string[]>>;

export function promelaOf(table: Table): string {
  const states = Object.keys(table).map(nameOf);
  const steps = Object.entries(table).flatMap(([from, next]) =>
    next.map((to) => `(from == ${nameOf(from)} && to == ${nameOf(to)})`),
  );
  const final = Object.entries(table)
    .filter(([, next]) => next.length === 0)
    .map(([state]) => `(state) == ${nameOf(state)}`);
  return [
    `mtype:state = { ${states.join(', ')} }`,
    `#define MAY_FOLLOW(from, to) (${steps.join(' || ')})`,
    `#define IS_FINAL(state) (${final.join(' || ')})`,
    '',
  ].join('\n');
}

function nameOf(state: string): string {
  return state.replaceAll('-', '_');
}
