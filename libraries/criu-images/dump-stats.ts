/**
 * `stats-dump`: what CRIU did in a dump (CRIU: images/stats.proto).
 */
import { PortkeyError } from '../errors/index.js';
import { decodeImage, magic } from './image-file.js';
import { fields } from './pagemap.js';
import protobuf from 'protobufjs/minimal.js';

export interface DumpStats {
  readonly pagesWritten: number;
  /** Pages left out because the parent has them. */
  readonly pagesInParent: number;
}

export function decodeDumpStats(content: Buffer): DumpStats {
  const [record] = decodeImage('stats-dump', content, [magic.service, magic.stats]);
  if (record === undefined) throw new PortkeyError('internal', 'stats-dump holds no record');
  const reader = new protobuf.Reader(record);
  // StatsEntry {1: DumpStatsEntry dump}
  if (reader.len === 0 || reader.uint32() !== 10)
    throw new PortkeyError('internal', 'stats-dump holds no dump statistics');
  const dump = fields(reader.bytes());
  return { pagesWritten: dump.get(7) ?? 0, pagesInParent: dump.get(6) ?? 0 };
}
