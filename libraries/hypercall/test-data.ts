/** Generators of messages for property tests. */
import fc from 'fast-check';

import { maxPagesPerRun, nonceBytes } from './limits.js';
import type { Agent, Message, WireErrorCode } from './messages.js';
import { errorNumbers } from './messages.js';
import { RunList } from './run-list.js';

/** Records as the code under test makes them: with the usual prototype. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

export interface Run {
  readonly pfn: number;
  readonly count: number;
  readonly page: number;
}

export const anyRun: fc.Arbitrary<Run> = record({
  pfn: fc.integer({ min: 0, max: 2 ** 40 - 2 ** 24 }),
  count: fc.integer({ min: 1, max: maxPagesPerRun }),
  page: fc.integer({ min: 0, max: 2 ** 52 - 2 ** 24 }),
});

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.maxSafeNat();
const nonce = fc
  .uint8Array({ minLength: nonceBytes, maxLength: nonceBytes })
  .map((bytes) => Buffer.from(bytes));
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ maxLength }).filter((value) => !/[\0\ufffd]/.test(value));
const runList = (named: boolean): fc.Arbitrary<RunList> =>
  fc.array(anyRun, { minLength: 1, maxLength: 30 }).map((list) => {
    const result = new RunList();
    for (const { pfn, count, page } of list) result.push(named ? pfn : 0, count, page);
    return result;
  });
const runs = runList(true);
const frameless = runList(false);

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  record({
    type: fc.constant('hello' as const),
    agent: fc.constantFrom<Agent>('checkpoint', 'restore'),
    nonceAddress: u64,
    nonce,
    memoryBytes: u64,
    pageBytes: u32,
    kernel: text(40),
  }),
  record({ type: fc.constant('open' as const), object: u32, migrationId: text(20), name: text(60) }),
  record({ type: fc.constant('send' as const), object: u32, runs }),
  record({ type: fc.constant('drop' as const), object: u32, pages: frameless }),
  record({ type: fc.constant('close' as const), object: u32 }),
  record({ type: fc.constant('bye' as const) }),
  record({
    type: fc.constant('hello-ok' as const),
    nonce,
    maxFrameBytes: fc.integer({ min: 0, max: 32 * 1024 }),
    credits: u32,
  }),
  record({
    type: fc.constant('complete' as const),
    object: u32,
    sequence: u32,
    bytes: u64,
    starvedUs: u64,
    queueDepth: u32,
  }),
  record({
    type: fc.constant('error' as const),
    code: fc.constantFrom(...(Object.keys(errorNumbers) as WireErrorCode[])),
    object: u32,
    text: text(200),
  }),
);

/** A message as plain data, so that two of them can be compared. */
export function plain(message: Message): unknown {
  if (message.type === 'drop') return { ...message, pages: message.pages.bytes().toString('hex') };
  if (message.type !== 'send') return message;
  return { ...message, runs: message.runs.bytes().toString('hex') };
}
