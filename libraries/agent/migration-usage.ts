/**
 * What this agent, with the programs it ran, has used of its VM's CPU for each of the last migrations, step by step.
 *
 * A migration is known from the step that opens it (begin, prepare) on, so an agent that was restarted since answers
 * that it does not know rather than with a part. Steps of one name are summed. What was used outside of steps, from the
 * beginning of the first to the end of the last (answers, uploads, page servers that start), is `between`.
 *
 * Limits: the meter is the process's, so of migrations that overlap in time each has what the agent used for the
 * others meanwhile. Only the last `keptMigrations` that were opened are known.
 */
import { PortkeyError } from '../errors/index.js';
import { cpuSince, type AgentCpu } from './cpu-meter.js';

export const keptMigrations = 32;

export interface StepUsage extends AgentCpu {
  readonly step: string;
}

interface Use {
  readonly opened: AgentCpu;
  last: AgentCpu;
  readonly steps: Map<string, AgentCpu>;
}

const opening: readonly string[] = ['begin', 'prepare'];
const none: AgentCpu = { agentSeconds: 0, programsSeconds: 0 };

export class MigrationUsage {
  private readonly uses = new Map<string, Use>();

  /** `before` and `after` are readings of the meter around the step. */
  add(migrationId: string, step: string, before: AgentCpu, after: AgentCpu): void {
    const use = this.uses.get(migrationId) ?? this.open(migrationId, step, before);
    if (use === undefined) return;
    use.last = after;
    use.steps.set(step, sum(use.steps.get(step) ?? none, cpuSince(before, after)));
  }

  /** In the order in which they were first done, `between` last. Throws `migration-unknown`. */
  of(migrationId: string): StepUsage[] {
    const use = this.uses.get(migrationId);
    if (use === undefined) {
      throw new PortkeyError(
        'migration-unknown',
        `this agent has not seen migration ${migrationId} from its beginning, or too long ago`,
      );
    }
    const steps = [...use.steps].map(([step, cpu]) => ({ step, ...cpu }));
    const between = cpuSince(steps.reduce(sum, none), cpuSince(use.opened, use.last));
    return [...steps, { step: 'between', ...atLeastNone(between) }];
  }

  private open(migrationId: string, step: string, before: AgentCpu): Use | undefined {
    if (!opening.includes(step)) return undefined;
    const use: Use = { opened: before, last: before, steps: new Map() };
    this.uses.set(migrationId, use);
    for (const oldest of [...this.uses.keys()].slice(0, -keptMigrations)) this.uses.delete(oldest);
    return use;
  }
}

function sum(a: AgentCpu, b: AgentCpu): AgentCpu {
  return {
    agentSeconds: a.agentSeconds + b.agentSeconds,
    programsSeconds: a.programsSeconds + b.programsSeconds,
  };
}

/** Steps that overlap, or the rounding of sums, can make more of the parts than of the whole. */
function atLeastNone({ agentSeconds, programsSeconds }: AgentCpu): AgentCpu {
  return { agentSeconds: Math.max(0, agentSeconds), programsSeconds: Math.max(0, programsSeconds) };
}
