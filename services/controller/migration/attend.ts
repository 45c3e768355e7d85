/**
 * Looks after a migration while this process works on it: whether it was cancelled by way of another controller, or
 * another controller has taken it over because this one was not heard of for a while (it hung, or Redis was away).
 *
 * Nothing depends on this but time. Redis and the agents refuse what comes too late or with an old epoch in any case; here
 * it is noticed before the step at work has ended.
 */
import { isErrorCode, PortkeyError } from '../../../libraries/errors/index.js';
import { reasonOf, type HostSlots } from '../state/index.js';
import type { Migration } from './migration.js';

/** Until `signal` fires. */
export async function attend(migration: Migration, signal: AbortSignal): Promise<void> {
  await every(migration, signal, () => look(migration));
}

/** Keeps the places on `hosts` until `signal` fires, and gives them back then. */
export async function keepPlaces(
  migration: Migration,
  slots: HostSlots,
  hosts: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { id } = migration.subject;
  await every(migration, signal, () => slots.hold(id, hosts));
  // Where Redis is away they are free by themselves after a while; where another controller has it, they are its own.
  if (!migration.isLost) await slots.free(id, hosts).catch(() => undefined);
}

async function every(
  { tools: { clock, limits } }: Migration,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    // A Redis that is away is noticed by the migration itself, where it matters.
    await work().catch(() => undefined);
    await clock.sleep(limits.attentionMs, signal).catch(() => undefined);
  }
}

async function look(migration: Migration): Promise<void> {
  const { id, epoch } = migration.subject;
  const record = await migration.tools.store.get(id);
  if (record === undefined) return;
  if (record.epoch !== epoch) migration.lose();
  else if (record.state === 'aborted' && migration.journal.state !== 'aborted') {
    const reason = reasonOf(record);
    const code = reason !== undefined && isErrorCode(reason.code) ? reason.code : 'cancelled';
    migration.cancel(new PortkeyError(code, reason?.message ?? `migration ${id} was aborted`));
  }
}
