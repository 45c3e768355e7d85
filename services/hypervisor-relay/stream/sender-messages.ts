/** What the relay's main thread and a thread that sends one of a migration's streams say to each other. */
import type { Endpoint, FolderPlace } from '../../../libraries/libc/index.js';
import type { MappedRam } from '../ram/zero-pages.js';
import type { StreamSecurity } from './byte-socket.js';

/** Another relay's landing. */
export interface RelayDestination {
  readonly type: 'relay';
  readonly socketFd: number;
  readonly peer: Endpoint;
  /** Whose relay must be there. */
  readonly host: string;
  readonly security: StreamSecurity;
  readonly token: Uint8Array;
  readonly migrationId: string;
  /** Which of the migration's streams this is, from 0 on, and how many there are. */
  readonly stream: number;
  readonly streamCount: number;
}

/** A landing of the relay that this thread is of. */
export interface LocalDestination {
  readonly type: 'local';
  /** Readable when the stream must end. */
  readonly endFd: number;
  readonly folder: FolderPlace;
  readonly quota: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

export type Destination = RelayDestination | LocalDestination;

/** How the thread begins. Descriptors stay the main thread's: it closes them when the thread is gone. */
export interface SenderStart {
  readonly destination: Destination;
  readonly wakeUpFd: number;
  readonly ram: MappedRam;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** Of this thread alone. */
  readonly backlog: SharedArrayBuffer;
  readonly shared: SharedBySenders;
}

/** Memory that the senders of one migration have together. */
export interface SharedBySenders {
  readonly counters: SharedArrayBuffer;
  readonly tokenBucket: SharedArrayBuffer;
  readonly idleness: SharedArrayBuffer;
  readonly shutDown: SharedArrayBuffer;
}

export type SenderCommand =
  | { readonly type: 'object'; readonly object: number; readonly name: string }
  | { readonly type: 'close'; readonly object: number }
  /** `runs` as in a SEND frame, checked against the RAM map; for `drop` their frames mean nothing. */
  | {
      readonly type: 'batch' | 'drop';
      readonly object: number;
      readonly runs: Uint8Array;
      readonly ticket: number;
    }
  /** Sends the regular files below this folder under their relative names, then ends the stream. */
  | { readonly type: 'images'; readonly folder: FolderPlace; readonly below: string }
  /** Ends the stream without any. */
  | { readonly type: 'end' };

export type SenderEvent =
  | { readonly type: 'connected' }
  /** Everything up to and with this batch has landed; what of a SEND went by another stream may not have. */
  | {
      readonly type: 'landed';
      readonly object: number;
      readonly ticket: number;
      readonly bytes: number;
      readonly starvedUs: number;
      readonly queueDepth: number;
    }
  | { readonly type: 'ended'; readonly files: number; readonly bytes: number };
