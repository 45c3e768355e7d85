/**
 * What both agents need to greet their relay: the port, and a nonce in a page of their own.
 */
import { randomBytes } from 'node:crypto';
import { release, totalmem } from 'node:os';

import { GuestLink, nonceBytes, startPortReader, VirtioPort, type Agent } from '../hypercall/index.js';
import { anonymousPage } from '../libc/index.js';
import type { Clock } from '../process/index.js';
import { frameOf } from '../runtime/index.js';
import { PAGE_BYTES } from '../units/index.js';

export interface AgentLinkOptions {
  readonly agent: Agent;
  readonly device: string;
  readonly clock: Clock;
  readonly onChange: (ready: boolean, detail: string) => void;
}

/** A started link; the caller stops it. */
export function startAgentLink({ agent, device, clock, onChange }: AgentLinkOptions): GuestLink {
  const page = anonymousPage();
  const link = new GuestLink({
    clock,
    onChange,
    openPort: () => VirtioPort.open(device, startPortReader, clock),
    greeting: () => {
      const nonce = randomBytes(nonceBytes);
      page.write(nonce);
      return {
        agent,
        nonce,
        nonceAddress: frameOf(page.address) * PAGE_BYTES,
        memoryBytes: totalmem(),
        pageBytes: PAGE_BYTES,
        kernel: release(),
      };
    },
  });
  link.start();
  return link;
}
