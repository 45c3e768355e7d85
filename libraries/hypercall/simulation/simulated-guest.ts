/**
 * A SIMULATED guest with one CPU: scanning, hypercalls and completions take turns on it. What it writes reaches the
 * relay when the hypercall is over; what the relay writes is heard when the CPU comes to it.
 */
import type { ByteChannel } from '../client.js';
import type { Guest } from './scenario.js';
import type { VirtualTime } from './virtual-time.js';

export class SimulatedGuest implements ByteChannel {
  private freeAtUs = 0;
  private onData: (bytes: Buffer) => void = () => undefined;
  hypercalls = 0;
  completions = 0;

  constructor(
    private readonly guest: Guest,
    private readonly time: VirtualTime,
    private readonly toRelay: (bytes: Buffer) => void,
  ) {}

  /** Resolves when the CPU has worked that long for the caller. */
  work(us: number): Promise<void> {
    this.freeAtUs = Math.max(this.freeAtUs, this.time.us) + us;
    return this.time.until(this.freeAtUs);
  }

  async write(bytes: Buffer): Promise<void> {
    this.hypercalls += 1;
    await this.work(this.guest.hypercallUs);
    this.toRelay(bytes);
  }

  listen(onData: (bytes: Buffer) => void): void {
    this.onData = onData;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  interrupt(bytes: Buffer): void {
    this.completions += 1;
    this.freeAtUs = Math.max(this.freeAtUs, this.time.us) + this.guest.completionUs;
    this.time.at(this.freeAtUs, () => this.onData(bytes));
  }

  get hypercallSeconds(): number {
    const { hypercallUs, completionUs } = this.guest;
    return (this.hypercalls * hypercallUs + this.completions * completionUs) / 1e6;
  }
}
