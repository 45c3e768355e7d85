/**
 * What both agents of a VM are made of: the containers there, the programs that run them, the way to the relay, and
 * what the VM is.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';

import type { Agent, GuestLink } from '../hypercall/index.js';
import { bindMount, detachMount, setInterface } from '../libc/index.js';
import { runCommand, systemClock, type Clock, type RunCommand } from '../process/index.js';
import { ContainerHost, ContainerStore, NodeInfoReader, Runc, type Kernel } from '../runtime/index.js';
import type { AgentConfig } from './config.js';
import { startAgentLink } from './link.js';
import { Steps } from './steps.js';

export interface AgentParts {
  readonly clock: Clock;
  readonly run: RunCommand;
  readonly store: ContainerStore;
  readonly runc: Runc;
  readonly host: ContainerHost;
  /** Started; the caller stops it. */
  readonly link: GuestLink;
  readonly nodeInfo: NodeInfoReader;
  readonly steps: Steps;
}

export function startAgentParts(
  agent: Agent,
  config: AgentConfig,
  { log, registry }: { readonly log: Logger; readonly registry: Registry },
): AgentParts {
  const kernel: Kernel = { bindMount, detachMount, setInterface };
  const clock = systemClock;
  const run = runCommand;
  const store = new ContainerStore();
  const runc = new Runc(run);
  const link = startAgentLink({
    agent,
    device: config.device,
    clock,
    onChange: (ready, detail) => log.info({ ready, detail }, 'hypercall channel'),
  });
  return {
    ...{ clock, run, store, runc, link },
    host: new ContainerHost({ store, runc, run, clock, kernel, bridge: config.bridge }),
    nodeInfo: new NodeInfoReader(config.vm, run),
    steps: new Steps(agent, log, registry),
  };
}
