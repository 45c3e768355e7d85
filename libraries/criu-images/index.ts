export { decodeDumpStats, type DumpStats } from './dump-stats.js';
export { encodeInventory } from './inventory.js';
export {
  decodePagemap,
  encodePagemap,
  pagemapFlag,
  wholeAddressSpace,
  type Pagemap,
  type PagemapRun,
} from './pagemap.js';
