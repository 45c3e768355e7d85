/**
 * Has the source slow the container down. One whose cgroup cannot do that is migrated without: the decision is then
 * taken anew.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { decide, type Decision, type PrecopyState } from '../precopy/decide.js';
import type { LiveMigration } from './migration.js';
import type { Reserved } from './preflight.js';

/** The decision that came to pass, and what it was made of. */
export async function throttled(
  migration: LiveMigration,
  { sides, wish }: Reserved,
  state: PrecopyState,
  decision: Decision,
): Promise<{ state: PrecopyState; decision: Decision }> {
  if (decision.action !== 'throttle') return { state, decision };
  const { ref, tools } = migration;
  try {
    await sides.source.checkpoint.call(
      'Throttle',
      { migration: ref, cpuShare: decision.nextCpuShare },
      migration.callOptions(tools.limits.stepMs),
    );
    return { state, decision };
  } catch (thrown) {
    if (!(thrown instanceof PortkeyError) || thrown.code !== 'runtime-failed') throw thrown;
    migration.warn(`container '${wish.container}' could not be throttled: ${thrown.message}`);
    const without = { ...state, mayThrottle: false };
    return { state: without, decision: decide(without) };
  }
}
