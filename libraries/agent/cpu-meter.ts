/**
 * What this agent has used of its VM's CPU: itself, all threads, and the programs that it ran to their end (runc, CRIU
 * and their children, ip).
 *
 * A program counts when it has ended and was waited for, with all that it had waited for itself. What it left running
 * (a restored container) is not in it.
 */
import { readFileSync } from 'node:fs';

import { statFields } from '../runtime/index.js';

export interface AgentCpu {
  readonly agentSeconds: number;
  readonly programsSeconds: number;
}

/** Reads what was used so far; injected, so that tests can say it. */
export type CpuMeter = () => AgentCpu;

/** USER_HZ, in which the kernel tells times: 100 on all that Linux runs virtual machines on. */
const ticksPerSecond = 100;

/** The agent's alone, which is read at less cost. */
export function agentCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export const agentCpuMeter: CpuMeter = () => {
  return {
    agentSeconds: agentCpuSeconds(),
    programsSeconds: childTicks(readFileSync('/proc/self/stat', 'latin1')) / ticksPerSecond,
  };
};

export function cpuSince(before: AgentCpu, now: AgentCpu): AgentCpu {
  return {
    agentSeconds: now.agentSeconds - before.agentSeconds,
    programsSeconds: now.programsSeconds - before.programsSeconds,
  };
}

/** cutime and cstime of proc(5). */
export function childTicks(stat: string): number {
  const field = statFields(stat);
  return Number(field(16)) + Number(field(17));
}
