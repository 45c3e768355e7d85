/**
 * Portkey mode: relay A reads the pages from the source VM's memory and sends them to relay B, which lands them.
 */
import type { Description, Landing } from '../../../libraries/rpc/index.js';
import { transferDeadlineMs } from '../limits.js';
import type { Vm } from '../vms/vm.js';
import type { LiveMigration, Sides } from './migration.js';
import type { Landed, Transport } from './transport.js';

/** Landing needs room for the memory, which may grow meanwhile, and for the final dump's other images. */
const growthFactor = 1.1;
const imageRoomBytes = 16 * 2 ** 20;

export class PortkeyTransport implements Transport {
  readonly mode = 'portkey';
  readonly hasFrozenRound = true;
  readonly imagesTo = '';
  private landing: Landing | undefined;

  constructor(
    private readonly migration: LiveMigration,
    private readonly sides: Sides,
    private readonly description: Description,
    private readonly bytesPerSecond: number,
  ) {}

  get byRelaysOf(): readonly Vm[] {
    return [this.sides.source, this.sides.destination];
  }

  get landingFolder(): string {
    return this.landing?.folder ?? '';
  }

  async reserve(): Promise<void> {
    const { source, destination } = this.sides;
    const { memoryBytes, otherBytes } = this.description;
    const expectedBytes = Math.ceil((memoryBytes + otherBytes) * growthFactor) + imageRoomBytes;
    this.landing = await destination.relay.call(
      'OpenLanding',
      {
        ...this.migration.session(destination),
        expectedBytes,
        sourceHost: source.host,
        relayStart: this.migration.relayStarts.destination,
      },
      this.migration.callOptions(this.migration.tools.limits.stepMs),
    );
  }

  async connect(): Promise<void> {
    const { source, destination } = this.sides;
    const { bytesPerSecond } = this;
    const { address, port, token } = this.landing ?? { address: '', port: 0, token: '' };
    const destinationHost = destination.host;
    const relayStart = this.migration.relayStarts.source;
    await source.relay.call(
      'OpenStream',
      {
        ...this.migration.session(source),
        address,
        port,
        token,
        bytesPerSecond,
        destinationHost,
        relayStart,
      },
      this.migration.callOptions(this.migration.tools.limits.stepMs),
    );
  }

  pageServer(): Promise<null> {
    return Promise.resolve(null);
  }

  async land(): Promise<Landed> {
    const { source, destination } = this.sides;
    const deadlineMs = transferDeadlineMs(
      this.migration.tools.limits,
      this.description.memoryBytes,
      this.bytesPerSecond,
    );
    const options = this.migration.callOptions(deadlineMs);
    const images = await source.relay.call('SendImages', this.migration.session(source), options);
    const sealed = await destination.relay.call('SealLanding', this.migration.session(destination), options);
    return { sealed, imageBytes: images.bytes };
  }
}
