/** The controller's process. */
import { runService } from '../../libraries/service/index.js';
import { configSchema } from './config.js';
import { startController } from './controller.js';

await runService({
  name: 'controller',
  config: configSchema,
  start: (config, parts) => startController(config, parts),
});
