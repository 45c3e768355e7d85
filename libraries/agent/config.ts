/** The configuration of an agent; see libraries/service/config.ts for how it is read. */
import { z } from 'zod';

import type { Agent } from '../hypercall/index.js';
import { commonConfig, identityName } from '../service/index.js';

export function agentConfig(agent: Agent) {
  return z.strictObject({
    ...commonConfig,
    /** The VM's name, as the controller and the relay know it. */
    vm: identityName,
    /** The VM's own address, where CRIU's page server listens. */
    address: z.ipv4(),
    /** The virtio-serial port of this agent; without it only CRIU mode works. */
    device: z.string().default(`/dev/virtio-ports/portkey.${agent}`),
    /** Where the folder shared with the host's relay is mounted. */
    share: z.string().default('/mnt/portkey'),
    /** The bridge that containers' links join. */
    bridge: z.string().default('br0'),
  });
}

export type AgentConfig = z.infer<ReturnType<typeof agentConfig>>;
