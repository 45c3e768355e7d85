/**
 * A migration from its first step to its last.
 *
 * Theory of operation. The container exists in one copy, which counts, until the destination has a second one,
 * whole and stopped. From then on a single compare-and-set in Redis decides which of the two counts: commit or
 * abort. Everything before the decision can be undone, everything after it can only be finished, and each call
 * that undoes or finishes is idempotent, so that it can be repeated by whoever has to, after whatever crash.
 *
 *     controller      checkpoint A       relay A         relay B        restore B        Redis
 *         │ Describe, GetHost, GetNode ──────────────────────────────────────▶│             │
 *         │ ── preflight ─────────────────────────────────────────────────────────────────▶ │
 *         │ Prepare ─────────────────────────────────────────────────────────▶│  namespace, │
 *         │ OpenLanding ───────────────────────────────────▶│                 │  link down  │
 *         │ Begin ────────▶│ claims        │                │                 │             │
 *         │ OpenStream ───────────────────▶│ ══ connects ══▶│                 │             │
 *         │ ── precopy ───────────────────────────────────────────────────────────────────▶ │
 *         │ Round 0…n ────▶│ ─ hypercalls ▶│ ════ pages ════▶│ landing files   │             │
 *         │ Freeze ───────▶│ link down, tasks frozen          ┐               │             │
 *         │ ── frozen ───────────────────────────────────────────────────────────────────▶ │
 *         │ Round (last) ─▶│ ─ hypercalls ▶│ ════ pages ════▶│               │             │
 *         │ Dump ─────────▶│ CRIU          │                 │ d             │             │
 *         │ ── dumped ───────────────────────────────────────────────────────────────────▶ │
 *         │ SendImages ───────────────────▶│ ════ images ═══▶│ o             │             │
 *         │ SealLanding ───────────────────────────────────▶│               │             │
 *         │ ── landed ───────────────────────────────────────────────────────────────────▶ │
 *         │ ListPages, DigestPages (where wanted) ───────────┼──────────────▶│ of images   │
 *         │ DigestPages ──▶│ of its memory                   │ w             │             │
 *         │ Restore ─────────────────────────────────────────┼──────────────▶│ CRIU, tasks │
 *         │ ── restored ──────────────────────────────────────────────────────│─ stopped ─▶ │
 *         │ ══ committed ═══════════════════════════ n ══════════════════════════════════▶ │  the decision
 *         │ Activate ────────────────────────────────────────┼──────────────▶│ link up,    │
 *         │                                                  ┘               │ tasks run   │
 *         │ ── activated ────────────────────────────────────────────────────────────────▶ │  the source's may go
 *         │ Finish ───────▶│ kills its copy                  │  Release ─────▶│ removes     │
 *         │ CloseSession ─────────────────▶│ ───────────────▶│ folders        │ images      │
 *         │ ── done ─────────────────────────────────────────────────────────────────────▶ │
 *
 * In CRIU mode the relays have no part in it but CPU readings: StartPageServer before each Round and before Dump
 * says where the pages go, and Dump sends the images to restore B itself (transport.ts).
 *
 * What can go wrong, and what then happens:
 *   - preflight finds an obstacle: what was reserved is given back; `refused`.
 *   - any call fails, is too slow or is cancelled before the commit, or what landed is not what stands frozen: abort
 *     in Redis, then Discard, Rollback and CloseSession on both sides, each tried for a while whatever becomes of the
 *     others; `rolled-back`.
 *   - a relay hangs while pages travel: that is noticed though no call to it is under way (relay-watch.ts); the same.
 *   - Redis is gone before a commit was sent, also in preflight: the same without Redis, which is told when it is back. Nobody
 *     else can have committed, because nobody else has this epoch.
 *   - Redis does not answer the commit: both copies stay stopped until it does (commit.ts). It has lost the record from then
 *     on: both copies stay as they are, and an operator chooses (rescue/rescue.ts).
 *   - any call fails after the commit: it is repeated.
 *   - Redis is gone when the destination's copy runs: that goes on, and the source's stays until Redis knows (complete.ts).
 *   - an agent is away for longer than anybody can be kept waiting: the migration ends, and owes what that agent was
 *     to do, across restarts of the controller (owed.ts).
 *   - the controller dies or hangs: another one, or its next start, gets the job, takes the migration over with a higher
 *     epoch, aborts it and rolls back, or, if it was committed, finishes it (worker.ts, recover.ts).
 *   - the source's VM is started anew while it is still needed: the container is gone with it; `failed` (roll-back.ts).
 *   - the destination's VM dies after the commit, and is started anew: before Redis knows that the container ran there,
 *     the source's copy goes on after all; `reverted`, then `rolled-back` (activate.ts). After that (`activated`) the
 *     container is gone with that VM, as any in it; `failed` (finish.ts).
 *
 * Not handled: a destination VM that is lost for good after the commit, so that nobody can say whether its copy ran: the
 * source's stands frozen, and the migration goes on asking, until the VM is back.
 */
import { asPortkeyError } from '../../../libraries/errors/index.js';
import { hadNoEffect } from '../state/index.js';
import { AbortedFirst } from './aborted-first.js';
import { commit, type Committed } from './commit.js';
import { complete } from './complete.js';
import { dump, finalRound } from './dump.js';
import { freeze } from './freeze.js';
import { land, type LandedContainer } from './land.js';
import type { LiveMigration, Wish } from './migration.js';
import { precopy } from './precopy.js';
import { preflight, type Reserved } from './preflight.js';
import { refuse } from './refuse.js';
import { whileRelaysAnswer } from './relay-watch.js';
import { restore } from './restore.js';
import { rollBack } from './roll-back.js';
import { verify } from './verify.js';
import { LeftToRecovery } from './left-to-recovery.js';

/** Runs a new migration to its end. Throws LeftToRecovery where it is not this controller's to end. */
export async function runMigration(migration: LiveMigration, wish: Wish): Promise<void> {
  const committed = await decide(migration, wish);
  if (committed === undefined) return;
  const { sides, cpu, transport, lastRoundSeconds } = committed;
  await complete(migration, sides, (downtime) => {
    cpu.endPhase();
    if (downtime === undefined) return;
    // Not every migration is verified, and how long that takes depends on memory.
    const fixed = downtime - migration.stopwatch.secondsOf('verify');
    migration.tools.fixedCost.learn(transport.mode, fixed, lastRoundSeconds);
  });
}

/** Everything up to the decision; undefined where it was not to commit, and that is dealt with. */
async function decide(migration: LiveMigration, wish: Wish): Promise<Committed | undefined> {
  const { stopwatch } = migration;
  try {
    const reserved = await stopwatch.time('preflight', () => preflight(migration, wish));
    const { byRelaysOf } = reserved.transport;
    const landed = await whileRelaysAnswer(migration, byRelaysOf, () => bring(migration, reserved));
    if (wish.verify) await stopwatch.time('verify', () => verify(migration, landed));
    const restored = await stopwatch.time('restore', () => restore(migration, landed));
    return await stopwatch.time('commit', () => commit(migration, restored));
  } catch (thrown) {
    if (thrown instanceof LeftToRecovery) throw thrown;
    if (migration.isLost) throw new LeftToRecovery(`another controller has taken over migration ${wish.id}`);
    migration.report.cpu?.endPhase();
    const abortedBy = thrown instanceof AbortedFirst ? thrown.reason : migration.cancelledBecause;
    const { state } = migration.journal;
    if (abortedBy !== undefined) await rollBack(migration, abortedBy);
    else if ((state === 'pending' || state === 'preflight') && !mayHaveGoneOn(thrown))
      await refuse(migration, asPortkeyError(thrown));
    else await rollBack(migration, asPortkeyError(thrown));
    return undefined;
  }
}

/** Whether Redis may have taken a step, or may still take it, that it did not answer: then nothing can be refused any more. */
function mayHaveGoneOn(thrown: unknown): boolean {
  return asPortkeyError(thrown).code === 'state-store-unavailable' && !hadNoEffect(thrown);
}

/** Everything in which pages travel. */
async function bring(migration: LiveMigration, reserved: Reserved): Promise<LandedContainer> {
  const { stopwatch } = migration;
  const precopied = await stopwatch.time('precopy', () => precopy(migration, reserved));
  const frozen = await stopwatch.time('freeze', () => freeze(migration, precopied));
  const lastRoundSeconds = await stopwatch.time('final-round', () => finalRound(migration, frozen));
  const dumped = await stopwatch.time('dump', () => dump(migration, frozen, lastRoundSeconds));
  return stopwatch.time('landing', () => land(migration, dumped));
}
