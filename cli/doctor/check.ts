/**
 * One finding of `doctor`.
 */
export interface Check {
  readonly area: 'host' | 'cluster';
  readonly name: string;
  /** `warning`: something is slower or missing that nothing depends on. */
  readonly state: 'ok' | 'warning' | 'failed';
  /** What was found; where it is not ok, what does not work because of it. */
  readonly detail: string;
  /** What to do; empty where it is ok. */
  readonly fix: string;
}

export function ok(area: Check['area'], name: string, detail: string): Check {
  return { area, name, state: 'ok', detail, fix: '' };
}

const marks = { ok: '✓', warning: '!', failed: '✗' } as const;

export function checkLines(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length), 0);
  return checks
    .flatMap(({ name, state, detail, fix }) => [
      `${marks[state]} ${name.padEnd(width)}  ${detail}`,
      ...(fix === '' ? [] : [`  ${' '.repeat(width)}  → ${fix}`]),
    ])
    .join('\n');
}
