/**
 * What became of a container whose migration has ended, or cannot be followed any more. Pure.
 *
 *     moved     it runs where it was to go
 *     stayed    it runs where it was
 *     lost      it is gone, with the VM that alone had it
 *     unknown   nobody can say whether it runs, and where: it could not be told to go on, or the migration's record is lost
 */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import type { MigrationReport } from '../report/report.js';
import type { Reason } from '../state/index.js';

export interface MoveEnding {
  readonly outcome: 'moved' | 'stayed' | 'lost' | 'unknown';
  readonly reason: Reason | undefined;
}

/** `report`: the last try's; undefined where it ended without. `wasReverted`: its commit was undone. */
export function endingOf(report: MigrationReport | undefined, wasReverted: boolean): MoveEnding {
  const reason = report?.error ?? { code: 'internal', message: 'its migration ended without a report' };
  switch (report?.outcome) {
    case 'completed':
      return { outcome: 'moved', reason: undefined };
    case 'refused':
    case 'rolled-back':
      return { outcome: 'stayed', reason };
    default:
      return { outcome: isLost(reason, wasReverted) ? 'lost' : 'unknown', reason };
  }
}

/** `id`: of its first try. */
export function unfollowed(id: string, { code, message }: PortkeyError): MoveEnding {
  const text = `${message}; what became of it, 'portkey migrations ${id}' and 'portkey ps' will say`;
  return { outcome: 'unknown', reason: { code, message: text } };
}

/** A commit is undone because the destination is lost; what failed then is that the source goes on. */
function isLost({ code }: Reason, wasReverted: boolean): boolean {
  return code === 'source-lost' || (code === 'destination-lost' && !wasReverted);
}
