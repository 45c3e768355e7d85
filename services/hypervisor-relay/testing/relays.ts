/**
 * For tests of two relays: one pair of hosts per file, a guest that has said HELLO per test, and pages whose
 * content tells where they are from.
 */
import assert from 'node:assert/strict';

import {
  Batcher,
  parseBatchPolicy,
  RunList,
  type Grant,
  type HypercallClient,
} from '../../../libraries/hypercall/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { greet } from './scripted-guest.js';
import { TwoHosts } from './two-hosts.js';

export const object = 'memory/pages-1.img';

/** A page whose every 8 bytes say where it is and which version of it this is. */
function pageOf(pfn: number, version = 0): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  for (let at = 0; at < PAGE_BYTES; at += 8) page.writeDoubleLE(pfn * 1000 + version, at);
  return page;
}

export function listOf(runs: readonly (readonly [pfn: number, count: number, page: number])[]): RunList {
  const list = new RunList();
  for (const [pfn, count, page] of runs) list.push(pfn, count, page);
  return list;
}

export class Relays {
  private place: TwoHosts | undefined;
  private agent: HypercallClient | undefined;

  get hosts(): TwoHosts {
    assert.ok(this.place, 'relays are there in tests only');
    return this.place;
  }

  get guest(): HypercallClient {
    assert.ok(this.agent, 'a guest is there in tests only');
    return this.agent;
  }

  async start(start: () => Promise<TwoHosts>): Promise<void> {
    this.place = await start();
  }

  /** The guest says HELLO, once more if it has. */
  async greet(): Promise<Grant> {
    const { client, grant } = await greet(this.hosts.vmA);
    this.agent = client;
    return grant;
  }

  /** A port that the relay closes is opened by it again. */
  async reconnected(): Promise<void> {
    const socket = await this.hosts.vmA.port('checkpoint');
    if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  }

  /** Fills guest pages and checks afterwards that they are what landed. */
  fill(runs: RunList, version = 0): void {
    for (let index = 0; index < runs.length; index += 1) {
      for (let at = 0; at < runs.count(index); at += 1) {
        const pfn = runs.pfn(index) + at;
        this.hosts.vmA.write(pfn * PAGE_BYTES, pageOf(pfn, version));
      }
    }
  }

  verify(migrationId: string, runs: RunList, version = 0): void {
    const landed = this.hosts.landed(migrationId, object);
    for (let index = 0; index < runs.length; index += 1) {
      for (let at = 0; at < runs.count(index); at += 1) {
        const place = (runs.page(index) + at) * PAGE_BYTES;
        assert.deepEqual(
          landed.subarray(place, place + PAGE_BYTES),
          pageOf(runs.pfn(index) + at, version),
          `page ${runs.page(index) + at}`,
        );
      }
    }
  }

  async send(migrationId: string, runs: RunList, batch = 'adaptive'): Promise<Batcher> {
    const id = await this.guest.open(migrationId, object);
    const batcher = new Batcher({
      policy: parseBatchPolicy(batch),
      send: (list) => this.guest.send(id, list),
      hypercallSeconds: () => this.guest.hypercallSeconds,
      transferPages: runs.pageCount,
    });
    await batcher.add(runs);
    await batcher.finish();
    await this.guest.closeObject(id);
    return batcher;
  }
}

/** For `describe`: relays that start before its tests and end after them, with a guest of its own for each test. */
export function withRelays(start = () => TwoHosts.start()): Relays {
  const relays = new Relays();
  before(() => relays.start(start));
  after(async () => assert.deepEqual(await relays.hosts.stop(), [0, 0]));
  beforeEach(() => relays.greet());
  afterEach(() => relays.guest.close());
  return relays;
}
