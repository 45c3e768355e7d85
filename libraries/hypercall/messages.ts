/**
 * The messages of the hypercall protocol, as values. docs/hypercalls.md has their bytes and their order.
 */
import type { ErrorCode } from '../errors/index.js';
import type { RunList } from './run-list.js';

export const frameTypes = {
  hello: 1,
  open: 2,
  send: 3,
  close: 4,
  bye: 5,
  drop: 6,
  'hello-ok': 129,
  complete: 130,
  error: 131,
} as const;

export type MessageType = keyof typeof frameTypes;

export const agentNumbers = { checkpoint: 1, restore: 2 } as const;
export type Agent = keyof typeof agentNumbers;

/** The codes that an ERROR frame can carry, by their number on the wire. Numbers are never reused. */
export const errorNumbers = {
  internal: 0,
  'bad-frame': 1,
  'bad-run': 2,
  'nonce-mismatch': 3,
  'ram-not-shared': 4,
  'session-unknown': 5,
  'stream-broken': 6,
  'channel-closed': 7,
  'no-room': 8,
  'share-tampered': 9,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type WireErrorCode = keyof typeof errorNumbers;

/** Guest → host: starts a conversation; whatever came before it on this port is forgotten. */
export interface Hello {
  readonly type: 'hello';
  readonly agent: Agent;
  /** Guest-physical address of the page that holds the nonce at its start. */
  readonly nonceAddress: number;
  readonly nonce: Buffer;
  readonly memoryBytes: number;
  readonly pageBytes: number;
  /** `uname -r` of the guest. */
  readonly kernel: string;
}

/** Guest → host: from here on `object` is the file `name` of this migration's landing folder. */
export interface Open {
  readonly type: 'open';
  readonly object: number;
  readonly migrationId: string;
  readonly name: string;
}

/** Guest → host: these guest frames are these pages of the object. */
export interface Send {
  readonly type: 'send';
  readonly object: number;
  readonly runs: RunList;
}

/** Guest → host: these pages of the object hold nothing any more. Answered as a SEND is, and takes a credit as one. */
export interface Drop {
  readonly type: 'drop';
  readonly object: number;
  /** Of frame 0 all of them: no frame is meant. */
  readonly pages: RunList;
}

/** Guest → host: no more SENDs for this object; the number may be used again. */
export interface Close {
  readonly type: 'close';
  readonly object: number;
}

/** Guest → host: the conversation is over. */
export interface Bye {
  readonly type: 'bye';
}

/** Host → guest: the nonce was found, SENDs may come within these limits. */
export interface HelloOk {
  readonly type: 'hello-ok';
  /** The HELLO's, so that an answer to an earlier HELLO is not taken for this one's. */
  readonly nonce: Buffer;
  readonly maxFrameBytes: number;
  /** SENDs that may be without their COMPLETE at any time. */
  readonly credits: number;
}

/** Host → guest: this object's SENDs up to `sequence` have landed at the destination. */
export interface Complete {
  readonly type: 'complete';
  readonly object: number;
  readonly sequence: number;
  /** Landed for this object since its previous COMPLETE. */
  readonly bytes: number;
  /** Time that the relay had nothing to send while this object was open, since its previous COMPLETE. */
  readonly starvedUs: number;
  /** SENDs of this migration that wait in the relay behind the one being sent. */
  readonly queueDepth: number;
}

/** Host → guest: this object (or, with `wholeChannel`, the conversation) is over, and why. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly code: WireErrorCode;
  readonly object: number;
  readonly text: string;
}

export type GuestMessage = Hello | Open | Send | Drop | Close | Bye;
export type HostMessage = HelloOk | Complete | ErrorMessage;
export type Message = GuestMessage | HostMessage;

export interface Frame {
  readonly sequence: number;
  readonly message: Message;
}
