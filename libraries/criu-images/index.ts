export { decodeDumpStats, type DumpStats } from './dump-stats.js';
export { encodeInventory } from './inventory.js';
export {
  decodePagemap,
  eachRun,
  encodePagemap,
  pagemapFlag,
  wholeAddressSpace,
  type Pagemap,
  type PagemapRun,
  type RunReader,
} from './pagemap.js';
export { decodeProcessTree, type TreeProcess } from './process-tree.js';
export { decodeRseqArea, type RseqArea } from './rseq-area.js';
