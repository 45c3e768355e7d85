/** What the relay's main thread and the thread that receives a migration's stream say to each other. */
export interface ReceiverStart {
  readonly listenerFd: number;
  readonly token: Uint8Array;
  readonly migrationId: string;
  /** Where the objects and files land. */
  readonly folder: string;
  readonly counters: SharedArrayBuffer;
}

export type ReceiverEvent =
  /** A connection, which the main thread may shut down, and closes when this thread is gone. */
  | { readonly type: 'accepted'; readonly fd: number }
  /** END has come and everything before it has landed. */
  | { readonly type: 'sealed' };
