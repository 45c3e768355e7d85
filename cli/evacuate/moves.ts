/**
 * Where each container of an evacuation stands, put together from its events; and what there is to say of all of them.
 */
import type { EvacuationEvent } from '../../libraries/rpc/index.js';
import { parseReport, type MigrationReport } from '../report/migration-report.js';
import { advance, noProgress, type Progress } from '../migrate/progress.js';

/** One container in the document of `evacuate --json`. */
export interface Move {
  readonly container: string;
  /** null where no VM can take it. */
  readonly to: string | null;
  /** `lost`: gone with its VM. `unknown`: nobody can say whether it runs, and where. */
  readonly outcome: 'planned' | 'moving' | 'moved' | 'stayed' | 'lost' | 'unknown';
  /** Why it has not moved; null where it has. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** Of the last try; null where none was made. */
  readonly migration: string | null;
  readonly report: MigrationReport | null;
}

const outcomes: readonly Move['outcome'][] = ['planned', 'moving', 'moved', 'stayed', 'lost', 'unknown'];

export class Moves {
  private readonly byContainer = new Map<string, { move: Move; progress: Progress }>();

  take({ container, to, outcome, code, reason, event }: EvacuationEvent): void {
    const known = this.byContainer.get(container);
    const report =
      event === null || event.report === '' ? (known?.move.report ?? null) : parseReport(event.report);
    const move: Move = {
      container,
      to: to === '' ? null : to,
      outcome: outcomes.find((name) => name === outcome) ?? 'moving',
      reason: code === '' ? null : { code, message: reason },
      migration: event?.id ?? known?.move.migration ?? null,
      report,
    };
    const before = known?.progress ?? noProgress;
    this.byContainer.set(container, { move, progress: event === null ? before : advance(before, event) });
  }

  get all(): Move[] {
    return [...this.byContainer.values()].map(({ move }) => move);
  }

  /** Those of which it has not been told yet what became of them. */
  get unfinished(): Move[] {
    return this.all.filter(({ outcome }) => outcome === 'moving' || outcome === 'planned');
  }

  /** One for each that has not ended, and one for all. */
  lines(vm: string, elapsedSeconds: number): string[] {
    const count = (wanted: Move['outcome']): number =>
      this.all.filter(({ outcome }) => outcome === wanted).length;
    const total = this.byContainer.size;
    const others = (['lost', 'unknown'] as const)
      .filter((outcome) => count(outcome) > 0)
      .map((outcome) => `, ${count(outcome)} ${outcome}`)
      .join('');
    return [
      `${vm}: ${count('moved')} of ${total} moved, ${count('stayed')} stay${others}  ${elapsedSeconds.toFixed(1)} s`,
      ...[...this.byContainer.values()]
        .filter(({ move }) => move.outcome === 'moving')
        .map(({ move, progress }) => `  ${move.container} → ${move.to ?? '?'}  ${standing(progress)}`),
    ];
  }
}

function standing({ state, figures }: Progress): string {
  const round = figures.round === undefined ? '' : `  round ${figures.round}`;
  return `${state}${round}`;
}
