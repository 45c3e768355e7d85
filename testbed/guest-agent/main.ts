/**
 * The guest agent: runs commands in a guest of the test bed for `./portkey testbed exec` and `cp`.
 *
 * It gives root in the guest to whoever reaches its port, so it belongs into the test bed's closed network only.
 */
import { z } from 'zod';

import { commonConfig, runService } from '../../libraries/service/index.js';
import { guestService } from './exec-service.js';

void runService({
  name: 'guest-agent',
  config: z.strictObject(commonConfig),
  start: (_config, { server }) => {
    server.add('Guest', guestService);
    return Promise.resolve(() => Promise.resolve());
  },
});
