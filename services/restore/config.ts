/** The restore service's configuration; see libraries/service/config.ts for how it is read. */
import { z } from 'zod';

import { commonConfig } from '../../libraries/service/index.js';

export const restoreConfig = z.strictObject({
  ...commonConfig,
  /** The VM's name, as the controller and the relay know it. */
  vm: z.string().min(1),
  /** The VM's own address, where CRIU's page server listens. */
  address: z.ipv4(),
  /** The virtio-serial port of this agent; without it only CRIU mode works. */
  device: z.string().default('/dev/virtio-ports/portkey.restore'),
  /** Where the folder shared with the host's relay is mounted. */
  share: z.string().default('/mnt/portkey'),
  /** The bridge that containers' links join. */
  bridge: z.string().default('br0'),
});

export type RestoreConfig = z.infer<typeof restoreConfig>;
