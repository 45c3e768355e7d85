export {
  digestFormat,
  digestPages,
  type ByteSpan,
  type ReadPages,
  type RegionDigest,
  type TaskPages,
} from './digest.js';
export { digestTasks, type DigestMeter, type Owner } from './digest-tasks.js';
export { numbersOfSpans, runsOfNumbers, spansOfNumbers } from './numbers.js';
export { regionBytes, regionCount, regionPages, regionsOf, type PageRun, type Region } from './regions.js';
