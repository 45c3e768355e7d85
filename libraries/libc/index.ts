export { Folder, pathParts, type FolderPlace } from './beneath.js';
export { dataOf } from './file-data.js';
export { bytesBelow, filesBelow, removeTree, type Rest } from './folder-tree.js';
export { bufferAddress, errnoName, errorCodeOf } from './library.js';
export { processCpuSeconds } from './cpu-clock.js';
export { setInterface } from './interface.js';
export { IoVector, maxPieces } from './io-vector.js';
export {
  allowHugePages,
  AnonymousPage,
  anonymousMemory,
  anonymousPage,
  mapFile,
  mapFileForWriting,
  untouchedPage,
  type Mapping,
} from './memory.js';
export { openMemoryFile, punchHole } from './memory-file.js';
export { bindMount, detachMount, mountTmpfs } from './mount.js';
export { pageCategory, PagemapScanner, type PagemapQuery } from './pagemap-scan.js';
export { PinnedMemory, type MemoryPiece } from './pinned-memory.js';
export { sendRawFrame } from './raw-frame.js';
export {
  acceptTcp,
  connectTcp,
  endSending,
  listenTcp,
  openSocketPair,
  openTcpSocket,
  receiveAvailable,
  receiveExactly,
  receiveInto,
  setBlocking,
  setReceiveTimeout,
  shutdownSocket,
  type Endpoint,
} from './sockets.js';
export { sendFile } from './transfer.js';
export { noWakeUp, WakeUp, waitReadable } from './wake-up.js';
