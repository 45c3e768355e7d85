/** What the relay's main thread and a thread that receives one of a migration's streams say to each other. */
export interface ReceiverStart {
  /** By the first receiver's way all streams come; the others begin with the one that it has admitted for them. */
  readonly way: LandingPort | { readonly socketFd: number };
  /** Where the objects and files land. */
  readonly folder: string;
  readonly counters: SharedArrayBuffer;
  /** All receivers' of the migration. */
  readonly writeTurns: SharedArrayBuffer;
}

/** Where a migration's streams are to come, and how they are told from others. */
export interface LandingPort {
  readonly listenerFd: number;
  readonly token: Uint8Array;
  readonly migrationId: string;
}

export type ReceiverEvent =
  /**
   * All streams of the migration: this thread's own, and those for others. The main thread may shut them down, and
   * closes each when the thread that works on it is gone.
   */
  | { readonly type: 'admitted'; readonly own: number; readonly others: readonly number[] }
  /** END has come on this stream and everything before it has landed. */
  | { readonly type: 'sealed' };
