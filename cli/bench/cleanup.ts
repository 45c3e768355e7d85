/**
 * The experiment's container and its client, gone: before the experiment what an earlier one left, after each cell
 * its own.
 */
import { asPortkeyError, PortkeyError } from '../../libraries/errors/index.js';
import { workloadLabel } from '../../testbed/workload/index.js';
import type { Controller } from '../controller.js';

export const benchContainer = 'bench';

export interface CleanupTools {
  readonly controller: Pick<Controller, 'containers' | 'stop'>;
  readonly stopClient: (container: string) => Promise<void>;
  readonly note: (line: string) => void;
}

/**
 * Throws `container-exists` where the container is no built-in workload, and so not ours, and what the controller
 * throws where it cannot be stopped.
 */
export async function removeLeftover({ controller, stopClient, note }: CleanupTools): Promise<void> {
  const { containers } = await controller.containers('');
  const found = containers.find(({ container }) => container?.name === benchContainer);
  if (found !== undefined) {
    if (found.container?.spec?.labels[workloadLabel] === undefined)
      throw new PortkeyError(
        'container-exists',
        `a container '${benchContainer}' that is none of the experiment's runs on ${found.vm}; ` +
          `stop it with 'portkey stop ${benchContainer}'`,
      );
    note(`removing the container '${benchContainer}' that an earlier run left on ${found.vm}`);
    await controller.stop(benchContainer);
  }
  await stopClient(benchContainer);
}

/** Never throws: what brought us here is more important than what could not be removed. */
export async function removeBench({ controller, stopClient, note }: CleanupTools): Promise<void> {
  await stopClient(benchContainer).catch((error: unknown) =>
    note(`the client of '${benchContainer}' was not ended: ${asPortkeyError(error).message}`),
  );
  await controller.stop(benchContainer).catch((error: unknown) => {
    const { code, message } = asPortkeyError(error);
    if (code !== 'container-unknown') note(`the container '${benchContainer}' was not removed: ${message}`);
  });
}
