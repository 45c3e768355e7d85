/**
 * A deterministic SIMULATION of the control loop: guest scan → batcher → credits → hypercall → relay → link → COMPLETE.
 *
 * Batcher, policy, client, credits, frames and the holding back of COMPLETEs are the real code on a virtual clock;
 * what is simulated is what they run on: the guest's CPU, the relay's thread and the link. No VM, no real time, no
 * page content.
 *
 * Limits: hypercalls cost the same each time; other guests, other streams and lost packets do not exist.
 */
import { Batcher } from '../batcher.js';
import type { BatchPolicy } from '../batch-policy.js';
import { HypercallClient } from '../client.js';
import { nonceBytes } from '../limits.js';
import { RunList } from '../run-list.js';
import type { RoundOutcome, Scenario, Transfer } from './scenario.js';
import { SimulatedGuest } from './simulated-guest.js';
import { SimulatedStream } from './simulated-stream.js';
import { VirtualTime } from './virtual-time.js';

export interface Outcome {
  readonly rounds: readonly RoundOutcome[];
  /** What landed, SEND by SEND. */
  readonly landed: readonly RunList[];
  /** SENDs that the relay had not answered, at most. */
  readonly mostUnanswered: number;
}

/** Throws where the loop deadlocks, or anything in it fails. */
export async function simulate(scenario: Scenario, policy: BatchPolicy): Promise<Outcome> {
  const time = new VirtualTime();
  const guest: SimulatedGuest = new SimulatedGuest(scenario.guest, time, (bytes) => stream.receive(bytes));
  const stream: SimulatedStream = new SimulatedStream(scenario.link, time, (bytes) => guest.interrupt(bytes));
  const client = new HypercallClient(guest, undefined, time);
  const migrate = async (): Promise<RoundOutcome[]> => {
    await client.hello(greeting);
    const object = await client.open('simulated', 'memory/pages-1.img');
    const rounds: RoundOutcome[] = [];
    for (const transfer of scenario.rounds) {
      const before = { us: time.us, ...counts(guest) };
      const batcher = new Batcher({
        policy,
        send: (runs) => client.send(object, runs),
        hypercallSeconds: () => client.hypercallSeconds,
        clock: time,
        otherWork: () => guest.work(0),
        ...(transfer.announced ? { transferPages: transfer.pages } : {}),
      });
      for (const window of windows(transfer)) {
        if (scenario.guest.scanUsPerPage > 0) {
          await guest.work(window.pageCount * scenario.guest.scanUsPerPage);
        }
        await batcher.add(window);
      }
      await batcher.finish();
      rounds.push({
        seconds: (time.us - before.us) / 1e6,
        sends: batcher.sends,
        completions: guest.completions - before.completions,
        hypercallSeconds: guest.hypercallSeconds - before.hypercallSeconds,
      });
    }
    return rounds;
  };
  const rounds = await time.run(migrate());
  return { rounds, landed: stream.landed, mostUnanswered: stream.mostUnanswered };
}

const greeting = {
  agent: 'checkpoint',
  nonceAddress: 0,
  nonce: Buffer.alloc(nonceBytes, 1),
  memoryBytes: 2 ** 32,
  pageBytes: 4096,
  kernel: 'simulated',
} as const;

function counts({ completions, hypercallSeconds }: SimulatedGuest): {
  completions: number;
  hypercallSeconds: number;
} {
  return { completions, hypercallSeconds };
}

/** The runs of a transfer as the scan hands them over. Between two runs a frame is left out. */
export function* windows({ pages, runPages, windowPages }: Transfer): Generator<RunList> {
  for (let first = 0; first < pages; first += windowPages) {
    const window = new RunList();
    const end = Math.min(pages, first + windowPages);
    for (let page = first; page < end;) {
      const run = Math.floor(page / runPages);
      const count = Math.min(end, (run + 1) * runPages) - page;
      window.append(page + run, count, page);
      page += count;
    }
    yield window;
  }
}
