/** Asks QEMU again and again, while the QEMUs that it takes are there. */
import { PortkeyError } from '../../../libraries/errors/index.js';
import { throwIfStopped, type Tools } from '../../tools.js';
import type { Machine } from './machine.js';

const timeoutMs = 600_000;
/** An answer costs QEMU a fraction of a millisecond. */
const pollMs = 10;

/** Throws `deadline-exceeded`, `cancelled`, and the end of a QEMU that ended. */
export async function poll(
  { clock, signal }: Pick<Tools, 'clock' | 'signal'>,
  machines: readonly Pick<Machine, 'daemon'>[],
  reached: () => Promise<boolean>,
): Promise<void> {
  const startMs = clock.monotonicMs();
  while (!(await reached())) {
    throwIfStopped(signal);
    for (const { daemon } of machines) {
      const failure = daemon.failure();
      if (failure !== undefined) throw failure;
    }
    if (clock.monotonicMs() - startMs > timeoutMs)
      throw new PortkeyError(
        'deadline-exceeded',
        `QEMU did not migrate the VM within ${timeoutMs / 60_000} min; does it write faster than the link carries?`,
      );
    await clock.sleep(pollMs);
  }
}
