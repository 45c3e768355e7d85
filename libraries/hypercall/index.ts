export type { BatchPolicy, BatchReport } from './batch-policy.js';
export { Batcher, type BatcherOptions } from './batcher.js';
export { HypercallClient, type ByteChannel, type Grant, type SentRuns } from './client.js';
export { FrameReader } from './frame-reader.js';
export { FrameWriter, type EncodedFrame } from './frame-writer.js';
export {
  headerBytes,
  magic,
  maxBytesBeforeProof,
  maxFrameBytes,
  maxMigrationIdBytes,
  maxObjectNameBytes,
  maxObjects,
  maxPageIndex,
  maxPagesPerRun,
  maxPagesPerSend,
  maxRunsPerSend,
  maxStarvedGapMs,
  nonceBytes,
  protocolVersion,
  sendCredits,
  wholeChannel,
} from './limits.js';
export { errorNumbers, frameTypes } from './messages.js';
export { PayloadReader, string as textField, u32, u64 } from './payload.js';
export type {
  Agent,
  Close,
  Complete,
  Drop,
  ErrorMessage,
  Frame,
  GuestMessage,
  Hello,
  HelloOk,
  HostMessage,
  Message,
  Open,
  Send,
  WireErrorCode,
} from './messages.js';
export { parseBatchPolicy } from './parse-batch-policy.js';
export type { Feedback } from './outstanding-sends.js';
export { RunList } from './run-list.js';
export { HeldCompletions, type LandedSend } from './held-completions.js';
export { GuestLink, type GuestLinkParts } from './guest-link.js';
export { startPortReader, VirtioPort, type SpawnReader } from './virtio-port.js';
