/**
 * The relay's side of one hypercall port, from the bytes up. docs/hypercalls.md is the protocol.
 *
 *     silent ──HELLO──▶ proving ──nonce found──▶ ready ──BYE, port closed──▶ silent
 *        ▲                 │                       │
 *        └──── refused ◀───┴──── bad frame, bad run┘        (a HELLO starts over from every state)
 *
 * Goal: a guest can do no more than name its own RAM. Frames, runs, objects and credits are checked here; the first
 * thing that is wrong is answered with ERROR, counted, and the port closed. What concerns one object only (its
 * migration is not known here, its stream broke) ends that object.
 *
 * Invariants: only *ready* lets SENDs and DROPs through. Each gets one answer: a COMPLETE, its own or a later one's of its
 * object (held-completions.ts), its object's ERROR, or the channel's end. A new HELLO forgets the old conversation: streams that still had SENDs of it are aborted.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import {
  errorNumbers,
  FrameReader,
  FrameWriter,
  HeldCompletions,
  maxBytesBeforeProof,
  maxFrameBytes,
  sendCredits,
  wholeChannel,
  type GuestMessage,
  type Hello,
  type HostMessage,
  type Message,
  type WireErrorCode,
} from '../../../libraries/hypercall/index.js';
import type { Clock } from '../../../libraries/process/index.js';
import type { GuestRam } from '../ram/guest-ram.js';
import type { OutgoingSession } from '../session/outgoing-session.js';
import type { LandedBatch } from '../session/sends-in-flight.js';
import { Greetings } from './greetings.js';
import { ObjectTable, type RunsToSend } from './object-table.js';
import type { ProofParts } from './proof.js';

/** For metrics. */
export interface LoopObserver {
  readonly sent: (pages: number) => void;
  /** `isHeld`: a later SEND's COMPLETE answers this one, too. */
  readonly landed: (batch: LandedBatch, isHeld: boolean) => void;
}

export interface ConversationParts extends ProofParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly loop: LoopObserver;
  /** Throws `session-unknown`. */
  readonly sessionOf: (migrationId: string) => OutgoingSession;
  readonly write: (bytes: Buffer) => void;
  /** Closes the port after what was written. */
  readonly hangUp: () => void;
  /** How the channel stands: undefined when ready, else why not. */
  readonly onState: (problem: string | undefined) => void;
  readonly onFrame: (type: Message['type'], direction: 'guest-to-host' | 'host-to-guest') => void;
  readonly onError: (error: PortkeyError) => void;
}

export class Conversation {
  private readonly reader = new FrameReader();
  private readonly writer = new FrameWriter();
  private readonly greetings: Greetings;
  private objects = new ObjectTable();
  private held: HeldCompletions;
  private ram: GuestRam | undefined;
  private hasEnded = false;
  private bytesBeforeProof = 0;
  /** Counts HELLOs, so that what an earlier one started cannot answer a later one. */
  private generation = 0;

  constructor(private readonly parts: ConversationParts) {
    this.held = new HeldCompletions(sendCredits, parts.clock);
    this.greetings = new Greetings(parts, {
      onProved: (hello, ram) => {
        this.ram = ram;
        this.bytesBeforeProof = 0;
        this.answer({ type: 'hello-ok', nonce: hello.nonce, maxFrameBytes, credits: sendCredits });
        parts.onState(undefined);
      },
      onRefused: (error) => this.refuse(error),
    });
  }

  /** Nothing that comes is looked at any more. */
  get isOver(): boolean {
    return this.hasEnded;
  }

  receive(bytes: Buffer): void {
    if (this.hasEnded) return;
    try {
      if (this.ram === undefined) this.countBeforeProof(bytes.length);
      for (const { message, sequence } of this.reader.push(bytes))
        this.handle(message as GuestMessage, sequence);
    } catch (error) {
      this.closeWith(asPortkeyError(error));
    }
  }

  /** The port is closed: nothing can be written any more. */
  end(): void {
    this.hasEnded = true;
    this.greetings.end();
    this.forget('the guest closed its hypercall port');
  }

  private countBeforeProof(byteCount: number): void {
    this.bytesBeforeProof += byteCount;
    if (this.bytesBeforeProof > maxBytesBeforeProof)
      throw new PortkeyError(
        'bad-frame',
        `more than ${maxBytesBeforeProof} bytes without a HELLO that is true`,
      );
  }

  private handle(message: GuestMessage, sequence: number): void {
    this.parts.onFrame(message.type, 'guest-to-host');
    if (message.type === 'hello') this.greet(message);
    // What comes before a HELLO is left from an agent that is gone.
    else if (this.ram !== undefined) this.handleReady(message, sequence, this.ram);
  }

  private handleReady(message: Exclude<GuestMessage, Hello>, sequence: number, ram: GuestRam): void {
    switch (message.type) {
      case 'open':
        this.open(message.object, message.migrationId, message.name);
        break;
      case 'send':
        ram.map.requireRuns(message.runs);
        this.send({ kind: 'send', object: message.object, runs: message.runs }, sequence);
        break;
      case 'drop':
        this.send({ kind: 'drop', object: message.object, runs: message.pages }, sequence);
        break;
      case 'close':
        this.objects.close(message.object);
        break;
      case 'bye':
        this.forget('the agent said BYE');
        this.parts.onState(
          `the ${this.parts.agent} service of ${this.parts.vm} has ended; is it starting again?`,
        );
        break;
      default:
        throw new PortkeyError('bad-frame', 'a guest cannot send what only a relay may');
    }
  }

  private greet(hello: Hello): void {
    this.forget('the agent said HELLO anew');
    this.writer.restart();
    this.greetings.take(hello);
  }

  private open(object: number, migrationId: string, name: string): void {
    try {
      this.objects.open(object, name, () => this.parts.sessionOf(migrationId));
    } catch (error) {
      if (asPortkeyError(error).code === 'bad-frame') throw error;
      this.failObject(object, asPortkeyError(error));
    }
  }

  private send(sent: RunsToSend, sequence: number): void {
    const { kind, object, runs } = sent;
    if (this.objects.inFlight + this.held.held >= sendCredits) {
      throw new PortkeyError('bad-frame', `more than ${sendCredits} SENDs without their COMPLETE`);
    }
    const generation = this.generation;
    try {
      this.objects.send(sent, {
        onLanded: (batch, inFlight) => {
          if (generation !== this.generation) return;
          const { bytes, starvedUs, queueDepth } = batch;
          const complete = this.held.landed({ object, sequence, bytes, starvedUs, queueDepth, inFlight });
          this.parts.loop.landed(batch, complete === undefined);
          if (complete !== undefined) this.answer(complete);
        },
        onFailure: (error) => {
          if (generation === this.generation) this.tellFailure(object, error);
        },
      });
      if (kind === 'send') this.parts.loop.sent(runs.pageCount);
    } catch (error) {
      if (isGuestsFault(asPortkeyError(error))) throw error;
      this.failObject(object, asPortkeyError(error));
    }
  }

  private failObject(object: number, error: PortkeyError): void {
    if (this.objects.fail(object)) this.tellFailure(object, error);
  }

  private tellFailure(object: number, error: PortkeyError): void {
    this.held.forget(object);
    this.sendError(object, error);
  }

  /** HELLO is answered with a reason, and the port stays open: the guest tries again. */
  private refuse(error: PortkeyError): void {
    this.sendError(wholeChannel, error);
    this.parts.onState(error.message);
  }

  private closeWith(error: PortkeyError): void {
    this.refuse(error);
    this.end();
    this.parts.onState(`the port was closed: ${error.message}`);
    this.parts.hangUp();
  }

  private forget(reason: string): void {
    this.generation += 1;
    this.objects.abandon(new PortkeyError('channel-closed', `${reason} while its pages were on their way`));
    this.objects = new ObjectTable();
    this.held = new HeldCompletions(sendCredits, this.parts.clock);
    this.ram?.release();
    this.ram = undefined;
  }

  private sendError(object: number, error: PortkeyError): void {
    this.parts.onError(error);
    const code: WireErrorCode = isWireCode(error.code) ? error.code : 'internal';
    this.answer({ type: 'error', code, object, text: error.message });
  }

  private answer(message: HostMessage): void {
    if (this.hasEnded) return;
    this.parts.onFrame(message.type, 'host-to-guest');
    this.parts.write(this.writer.encode(message).bytes);
  }
}

/** The rest has its cause in the stream or its session. */
function isGuestsFault({ code }: PortkeyError): boolean {
  return code === 'bad-frame' || code === 'bad-run';
}

function isWireCode(code: string): code is WireErrorCode {
  return Object.hasOwn(errorNumbers, code);
}
