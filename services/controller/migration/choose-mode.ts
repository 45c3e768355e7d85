/**
 * Whether a migration that was asked for in Portkey mode can have it. Pure.
 *
 * Portkey mode needs the source's hypercall channel, proved by the nonce, and a relay that can land pages for the
 * destination, and of the objects that the channel may have open it takes one for each task. Without them the container
 * still moves, through CRIU's page server, and everybody is told why; unless the configuration forbids that (`criuMode`).
 */
import { maxObjects } from '../../../libraries/hypercall/limits.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { CriuModeRule } from '../config.js';
import type { MigrationMode } from '../state/index.js';
import type { Facts } from './inspect.js';
import type { Sides } from './migration.js';

/** What is left is for tasks that begin while it migrates, and for other migrations of its VM. */
const mostTasks = (maxObjects / 4) * 3;

const mostDetailLength = 500;

export interface Choice {
  readonly mode: MigrationMode;
  /** Why it is not the mode that was asked for. */
  readonly because?: string;
}

/** Throws `not-permitted` and `no-hypercall-channel` where the rule has no mode left. */
export function chooseMode(wanted: MigrationMode, rule: CriuModeRule, sides: Sides, facts: Facts): Choice {
  if (wanted === 'criu') {
    if (rule !== 'never') return { mode: 'criu' };
    throw new PortkeyError(
      'not-permitted',
      "the controller's configuration allows no migration in criu mode (criuMode); leave --mode out",
    );
  }
  const obstacle = obstacleToPortkey(sides, facts);
  if (obstacle === undefined) return { mode: 'portkey' };
  if (rule === 'fallback') return { mode: 'criu', because: obstacle };
  const instead =
    rule === 'asked' ? "; --mode criu sends the pages through the VMs' own network, unencrypted" : '';
  throw new PortkeyError(
    'no-hypercall-channel',
    `${obstacle}, and the controller's configuration takes no other mode in place of portkey (criuMode)${instead}`,
  );
}

function obstacleToPortkey({ source, destination }: Sides, facts: Facts): string | undefined {
  const { description, sourceNode, sourceAttached, destinationAttached } = facts;
  if (sourceAttached === undefined) return `${source.relay.peer} was not given ${source.name}`;
  if (!sourceNode.hypercallChannel) {
    // The VM's own words go into every record of the migration.
    const detail = sourceNode.hypercallDetail.slice(0, mostDetailLength);
    return `${source.name} has no hypercall channel: ${detail || 'its relay gave no reason'}`;
  }
  if (sourceAttached.checkpoint?.ready !== true) {
    const detail = sourceAttached.checkpoint?.detail ?? '';
    return `the hypercall channel of ${source.name} is not ready: ${detail || 'its relay gave no reason'}`;
  }
  if (destinationAttached === undefined) return `${destination.relay.peer} was not given ${destination.name}`;
  if (description.taskCount > mostTasks) {
    return (
      `the container has ${description.taskCount} processes, ` +
      `and portkey mode takes no more than ${mostTasks} of the ${maxObjects} objects of a hypercall channel`
    );
  }
  return undefined;
}
