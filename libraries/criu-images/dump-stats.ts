/**
 * `stats-dump`: what CRIU did in a dump (CRIU: images/stats.proto).
 */
import { PortkeyError } from '../errors/index.js';
import { firstRecord, magic } from './image-file.js';
import { messageIn, numbersIn } from './record-fields.js';

export interface DumpStats {
  readonly pagesWritten: number;
  /** Pages left out because the parent has them. */
  readonly pagesInParent: number;
}

const name = 'stats-dump';

/** Throws `internal` where it is no such image. */
export function decodeDumpStats(content: Buffer): DumpStats {
  // StatsEntry {1: DumpStatsEntry dump}
  const dump = messageIn(name, firstRecord(name, content, [magic.service, magic.stats]), 1);
  if (dump === undefined) throw new PortkeyError('internal', `${name} holds no dump statistics`);
  const values = numbersIn(name, dump);
  return { pagesWritten: values.get(7) ?? 0, pagesInParent: values.get(6) ?? 0 };
}
