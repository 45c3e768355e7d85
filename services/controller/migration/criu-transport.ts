/**
 * CRIU mode: each dump sends its pages to a `criu page-server` in the destination VM, over the VMs' own network;
 * the source's checkpoint service sends the other images to the restore service as part of the final dump. So
 * when the final dump has ended, everything has landed.
 */
import type { PageServer } from '../../../libraries/rpc/index.js';
import type { LiveMigration, Sides } from './migration.js';
import type { Transport } from './transport.js';

export class CriuTransport implements Transport {
  readonly mode = 'criu';
  readonly hasFrozenRound = false;
  readonly byRelaysOf = [];
  readonly landingFolder = '';

  constructor(
    private readonly migration: LiveMigration,
    private readonly sides: Sides,
  ) {}

  get imagesTo(): string {
    return this.sides.destination.restore.address;
  }

  reserve(): Promise<void> {
    return Promise.resolve();
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async pageServer(index: number, last: boolean): Promise<PageServer> {
    return this.sides.destination.restore.call(
      'StartPageServer',
      { migration: this.migration.ref, index, last },
      this.migration.callOptions(this.migration.tools.limits.stepMs),
    );
  }

  land(): Promise<null> {
    return Promise.resolve(null);
  }
}
