/**
 * A SIMULATED relay and its link: SENDs are worked off one after another, each takes the relay's own time and that of
 * its bytes, and has landed a round trip later. Starvation is reckoned as the relay does (stream/idleness.ts), and
 * COMPLETEs are held back by the code that the relay runs.
 */
import { FrameReader } from '../frame-reader.js';
import { FrameWriter } from '../frame-writer.js';
import { HeldCompletions } from '../held-completions.js';
import { maxFrameBytes, maxStarvedGapMs, sendCredits } from '../limits.js';
import type { HostMessage, Message, Send } from '../messages.js';
import type { RunList } from '../run-list.js';
import { PAGE_BYTES } from '../../units/index.js';
import type { Link } from './scenario.js';
import type { VirtualTime } from './virtual-time.js';

export class SimulatedStream {
  private readonly reader = new FrameReader();
  private readonly writer = new FrameWriter();
  private readonly held: HeldCompletions;
  private readonly queue: { message: Send; sequence: number }[] = [];
  private isSending = false;
  private idleSinceUs: number | undefined;
  private starvedUs = 0;
  private inFlight = 0;
  readonly landed: RunList[] = [];
  mostUnanswered = 0;

  constructor(
    private readonly link: Link,
    private readonly time: VirtualTime,
    private readonly toGuest: (bytes: Buffer) => void,
  ) {
    this.held = new HeldCompletions(sendCredits, time);
  }

  receive(bytes: Buffer): void {
    for (const { message, sequence } of this.reader.push(bytes)) this.handle(message, sequence);
  }

  private handle(message: Message, sequence: number): void {
    if (message.type === 'hello') {
      this.answer({ type: 'hello-ok', nonce: message.nonce, maxFrameBytes, credits: sendCredits });
    } else if (message.type === 'open') {
      this.idleSinceUs ??= this.time.us;
    } else if (message.type === 'send') {
      this.inFlight += 1;
      this.mostUnanswered = Math.max(this.mostUnanswered, this.inFlight + this.held.held);
      this.queue.push({ message, sequence });
      if (!this.isSending) this.sendNext();
    }
  }

  private sendNext(): void {
    const next = this.queue.shift();
    this.isSending = next !== undefined;
    if (next === undefined) {
      this.idleSinceUs = this.time.us;
      return;
    }
    const gapUs = this.time.us - (this.idleSinceUs ?? this.time.us);
    if (gapUs <= maxStarvedGapMs * 1000) this.starvedUs += gapUs;
    this.idleSinceUs = undefined;
    const { message, sequence } = next;
    const bytes = message.runs.pageCount * PAGE_BYTES;
    const sentUs = afterSending(this.link, this.time.us + this.link.relayUs, bytes);
    this.time.at(sentUs, () => this.sendNext());
    this.time.at(sentUs + this.link.roundTripUs, () => this.land(message, sequence, bytes));
  }

  private land({ object, runs }: Send, sequence: number, bytes: number): void {
    this.landed.push(runs);
    this.inFlight -= 1;
    const { inFlight, starvedUs } = this;
    this.starvedUs = 0;
    const complete = this.held.landed({
      ...{
        object,
        sequence,
        bytes,
        starvedUs: Math.round(starvedUs),
        queueDepth: this.queue.length,
        inFlight,
      },
    });
    if (complete !== undefined) this.answer(complete);
  }

  private answer(message: HostMessage): void {
    this.toGuest(Buffer.from(this.writer.encode(message).bytes));
  }
}

/** When the last of so many bytes has left, in µs, were the link theirs from `startUs` on. */
export function afterSending({ bytesPerSecond, step }: Link, startUs: number, bytes: number): number {
  const atFirst = startUs + (bytes / bytesPerSecond) * 1e6;
  if (step === undefined || atFirst <= step.atUs) return atFirst;
  const beforeUs = Math.max(0, step.atUs - startUs);
  const left = bytes - (beforeUs / 1e6) * bytesPerSecond;
  return Math.max(startUs, step.atUs) + (left / step.bytesPerSecond) * 1e6;
}
