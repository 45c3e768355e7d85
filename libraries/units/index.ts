export {
  PAGE_BYTES,
  formatBytes,
  formatSeconds,
  parseBitRate,
  parseBytes,
  parseMilliseconds,
} from './units.js';
