/**
 * The state machine in a real Redis against a model of it: whatever order steps, aborts, commits and take-overs of
 * any number of controllers come in, Redis and the transition table agree on each of them, and of commit and abort
 * at most one ever happens.
 */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { systemClock } from '../../libraries/process/index.js';
import { keys } from '../../services/controller/state/keys.js';
import {
  MigrationStore,
  StateStoreConnection,
  type JobLock,
  type MigrationState,
} from '../../services/controller/state/index.js';
import { allStates, isFinal, mayFollow } from '../../services/controller/state/states.js';
import { RedisServer } from './support/redis-server.js';

type Command =
  | { readonly kind: 'step'; readonly to: MigrationState; readonly epochLag: number }
  | { readonly kind: 'take-over' };

/** Steps along the way are as likely as all others together, or few runs would get anywhere. */
const forward: MigrationState[] = [
  'preflight',
  'precopy',
  'frozen',
  'dumped',
  'landed',
  'restored',
  'committed',
  'activated',
];
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take-over' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      to: fc.constantFrom(...allStates),
      epochLag: fc.constantFrom(0, 0, 0, 1, -1),
    }),
  },
);

const wanted = { to: 'vm-b', mode: 'portkey' as const, wish: '', retryOf: '' };

describe('the state machine in Redis', function () {
  this.timeout(60_000);
  let server: RedisServer;
  let connection: StateStoreConnection;
  let store: MigrationStore;
  let count = 0;
  let jobs = 0;

  before(async () => {
    server = await RedisServer.start();
    connection = StateStoreConnection.open({ path: server.path });
    store = new MigrationStore(connection, systemClock, 1_000_000);
  });

  after(async () => {
    connection.close();
    await server.stop();
  });

  async function create(): Promise<{ id: string; container: string }> {
    count += 1;
    const migration = { id: `m-${count}`, container: `web-${count}` };
    assert.equal(await store.create({ ...migration, ...wanted }, 'asked for'), undefined);
    // The controller that begins with it.
    assert.equal((await store.takeOver({ ...migration, epoch: 0 }, await heldJob(), ''))?.epoch, 1);
    return migration;
  }

  /** A job that somebody has. */
  async function heldJob(): Promise<JobLock> {
    jobs += 1;
    const lock = { key: `portkey:queue:job-${jobs}:lock`, token: `token-${jobs}` };
    await connection.redis.set(lock.key, lock.token);
    return lock;
  }

  const step = (migration: { id: string; container: string }, epoch: number, to: MigrationState) =>
    store.step({ ...migration, epoch, to, text: `to ${to}` });

  it('agrees with the transition table on every step, whatever came before', async () => {
    const property = fc.asyncProperty(
      fc.nat(forward.length),
      fc.array(command, { maxLength: 12 }),
      async (headStart, commands) => {
        const migration = await create();
        let state: MigrationState = 'pending';
        let epoch = 1;
        const seen: MigrationState[] = [state];
        for (const to of forward.slice(0, headStart)) {
          assert.deepEqual(await step(migration, epoch, to), { verdict: 'applied' });
          seen.push((state = to));
        }
        for (const next of commands) {
          if (next.kind === 'take-over') {
            const record = await store.takeOver({ ...migration, epoch }, await heldJob(), 'taken over');
            assert.equal(record?.epoch, isFinal(state) ? undefined : epoch + 1);
            epoch = record?.epoch ?? epoch;
            continue;
          }
          const result = await step(migration, epoch - next.epochLag, next.to);
          if (next.epochLag !== 0) assert.deepEqual(result, { verdict: 'stale-epoch', epoch });
          else if (next.to === state) assert.deepEqual(result, { verdict: 'already' });
          else if (!mayFollow(state, next.to)) assert.deepEqual(result, { verdict: 'refused', state });
          else {
            assert.deepEqual(result, { verdict: 'applied' });
            seen.push((state = next.to));
          }
        }
        assert.equal((await store.get(migration.id))?.state, state);
        const { events } = await store.readEvents(migration.id);
        assert.deepEqual(
          events.filter(({ kind }) => kind === 'transition').map((event) => event.state),
          seen,
        );
        const holder = await connection.redis.get(keys.lock(migration.container));
        assert.equal(holder, isFinal(state) ? null : migration.id);
        for (const [one, other] of [
          ['committed', 'aborted'],
          ['activated', 'reverted'],
        ] as const)
          assert.ok(!(seen.includes(one) && seen.includes(other)));
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  it('lets exactly one of many commits and aborts, sent at once, decide', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom('committed' as const, 'aborted' as const), { minLength: 2, maxLength: 8 }),
      async (attempts) => {
        const migration = await create();
        for (const to of forward.slice(0, forward.indexOf('committed'))) await step(migration, 1, to);
        // Each attempt has a connection of its own, so that Redis and not this process puts them in order.
        const results = await Promise.all(
          attempts.map(async (to) => {
            const own = StateStoreConnection.open({ path: server.path });
            try {
              const rival = new MigrationStore(own, systemClock, 1_000_000);
              return { to, ...(await rival.step({ ...migration, epoch: 1, to, text: to })) };
            } finally {
              own.close();
            }
          }),
        );
        const applied = results.filter(({ verdict }) => verdict === 'applied');
        assert.equal(applied.length, 1);
        const winner = applied[0]?.to;
        assert.equal((await store.get(migration.id))?.state, winner);
        for (const { to, verdict } of results) {
          if (to === winner) assert.ok(verdict === 'applied' || verdict === 'already');
          else assert.equal(verdict, 'refused');
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it('gives a container to one migration at a time', async () => {
    const migration = await create();
    const rival = { ...wanted, id: 'm-rival', container: migration.container };
    assert.deepEqual(await store.create(rival, 'asked for'), { busyWith: migration.id });
    await step(migration, 1, 'refused');
    assert.equal(await store.create(rival, 'asked for'), undefined);
  });

  it('answers a step of a migration that is not there', async () => {
    const verdict = await step({ id: 'm-none', container: 'none' }, 1, 'preflight');
    assert.deepEqual(verdict, { verdict: 'unknown' });
  });

  it('lets one of many that saw the same epoch take it over, also where they do so at once', async () => {
    const migration = await create();
    const locks = await Promise.all(Array.from({ length: 20 }, heldJob));
    const takers = locks.map((lock) => store.takeOver({ ...migration, epoch: 1 }, lock, 'taken over'));
    const epochs = (await Promise.all(takers)).map((record) => record?.epoch);
    assert.deepEqual(
      epochs.filter((epoch) => epoch !== undefined),
      [2],
    );
  });

  it('gives who takes it over the same answer again, until somebody else has', async () => {
    const migration = await create();
    const take = async (epoch: number, lock: JobLock): Promise<number | undefined> =>
      (await store.takeOver({ ...migration, epoch }, lock, 'taken over'))?.epoch;
    const [one, other] = [await heldJob(), await heldJob()];
    assert.deepEqual([await take(1, one), await take(1, one)], [2, 2]);
    const { events } = await store.readEvents(migration.id);
    assert.equal(events.filter(({ text }) => text === 'taken over').length, 1);
    assert.equal(await take(1, other), undefined);
    assert.equal(await take(2, other), 3);
    assert.deepEqual([await take(1, one), await take(2, one)], [undefined, undefined]);
    assert.equal((await store.get(migration.id))?.epoch, 3);
  });

  it('lets nobody take it over who has lost its job', async () => {
    const migration = await create();
    const lost = { ...(await heldJob()), token: 'of before' };
    assert.equal(await store.takeOver({ ...migration, epoch: 1 }, lost, 'taken over'), undefined);
    const gone = { key: 'portkey:queue:none:lock', token: 'of before' };
    assert.equal(await store.takeOver({ ...migration, epoch: 1 }, gone, 'taken over'), undefined);
    assert.equal((await store.get(migration.id))?.epoch, 1);
  });

  it('lets only the last controller that took it over settle a migration that has ended', async () => {
    const migration = await create();
    const set = { owed: 'a frozen copy' };
    await store.step({ ...migration, epoch: 1, to: 'refused', text: 'refused', set });
    const { events } = await store.readEvents(migration.id);
    const record = await store.takeOver({ ...migration, epoch: 1 }, await heldJob(), 'taken over');
    assert.deepEqual([record?.state, record?.epoch, record?.owed], ['refused', 2, 'a frozen copy']);
    assert.deepEqual((await store.readEvents(migration.id)).events, events);
    await store.settle(migration.id, 1);
    assert.equal((await store.get(migration.id))?.owed, 'a frozen copy');
    await store.settle(migration.id, 2);
    assert.equal((await store.get(migration.id))?.owed, '');
    assert.equal(await store.takeOver({ ...migration, epoch: 2 }, await heldJob(), 'taken over'), undefined);
    await store.settle('m-none', 1);
    assert.equal(await store.get('m-none'), undefined);
  });

  it('keeps what owes something however old it is, until it is settled', async () => {
    const small = new MigrationStore(connection, systemClock, 1);
    const indebted = await create();
    const set = { owed: 'a frozen copy' };
    await store.step({ ...indebted, epoch: 1, to: 'refused', text: 'refused', set });
    for (let i = 0; i < 3; i++) await step(await create(), 1, 'refused');
    await small.prune();
    assert.equal((await store.get(indebted.id))?.owed, 'a frozen copy');
    await store.settle(indebted.id, 1);
    await small.prune();
    assert.equal(await store.get(indebted.id), undefined);
  });

  it('keeps the last that have ended, however many begun later have not', async () => {
    const small = new MigrationStore(connection, systemClock, 2);
    const ended = [await create(), await create(), await create()];
    for (const each of ended) await step(each, 1, 'refused');
    for (let i = 0; i < 3; i++) await create();
    await small.prune();
    const kept = await Promise.all(ended.map(({ id }) => store.get(id)));
    assert.deepEqual(
      kept.map((record) => record?.state),
      [undefined, 'refused', 'refused'],
    );
  });

  it('keeps one that is to be tried again until its next try, which has the lock, is recorded', async () => {
    const none = new MigrationStore(connection, systemClock, 0);
    const first = await create();
    const next = { ...wanted, id: `${first.id}-next`, container: first.container, retryOf: first.id };
    const set = { retriedBy: next.id };
    await store.step({ ...first, epoch: 1, to: 'refused', text: 'refused', set });
    await none.prune();
    assert.equal((await store.get(first.id))?.retriedBy, next.id);
    assert.equal(await store.create(next, 'tried again'), undefined);
    await none.prune();
    assert.equal(await store.get(first.id), undefined);
    assert.equal((await store.get(next.id))?.state, 'pending');
    // Whichever of the two is looked at first.
    await store.step({ ...next, epoch: 0, to: 'refused', text: 'refused' });
    await none.prune();
    assert.equal(await store.get(next.id), undefined);
    assert.equal(await connection.redis.exists(keys.lock(first.container), keys.events(next.id)), 0);
  });

  it('keeps unfinished migrations however old they are', async () => {
    const small = new MigrationStore(connection, systemClock, 1);
    const unfinished = await create();
    for (let i = 0; i < 3; i++) await step(await create(), 1, 'refused');
    await small.prune();
    assert.equal((await store.get(unfinished.id))?.state, 'pending');
    const ended = (await store.list()).filter(({ state }) => isFinal(state));
    assert.ok(ended.length <= 1, `${ended.length} ended migrations are left`);
  });
});
