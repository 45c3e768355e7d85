import type { ErrorCode } from '../../../libraries/errors/index.js';
import type { FolderPlace } from '../../../libraries/libc/index.js';
import type { HandedSocket, StreamSecurity } from './byte-socket.js';

/** What the relay's main thread and a thread that receives one of a migration's streams say to each other. */
export interface ReceiverStart {
  /** By the first receiver's way all streams come; the others begin with the one that it has admitted for them. */
  readonly way: LandingPort | { readonly socket: HandedSocket };
  readonly security: StreamSecurity;
  /** Where the objects and files land. */
  readonly folder: FolderPlace;
  /** Of the landing: landing-quota.ts. */
  readonly quota: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** All receivers' of the migration. */
  readonly writeTurns: SharedArrayBuffer;
}

/** Where a migration's streams are to come, and how they are told from others. */
export interface LandingPort {
  readonly listenerFd: number;
  readonly token: Uint8Array;
  readonly migrationId: string;
  /** The source's, whose relay they are from. */
  readonly sourceHost: string;
}

export type ReceiverEvent =
  /**
   * All streams of the migration: this thread's own, and those for others. The main thread may shut them down, and
   * closes each when the thread that works on it is gone.
   */
  | { readonly type: 'admitted'; readonly own: number; readonly others: readonly HandedSocket[] }
  /** A connection to the landing's port was none of them. */
  | { readonly type: 'turned-away'; readonly code: ErrorCode; readonly message: string }
  /** END has come on this stream and everything before it has landed. */
  | { readonly type: 'sealed' };
