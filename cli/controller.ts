/**
 * The controller, as commands see it: where it is, and its calls with their deadlines.
 *
 * Address: --controller, else PORTKEY_CONTROLLER, else the test bed's state file. Any of them may say several, of
 * controllers that share one Redis: then it is the first that answers. Who opens it disposes of it.
 */
import { PortkeyError } from '../libraries/errors/index.js';
import { filesOf } from '../libraries/certificates/index.js';
import {
  isServing,
  readSecurity,
  RpcClient,
  type Cluster,
  type Container,
  type ContainerSpec,
  type EvacuationEvent,
  type MigrationEvent,
  type PlacedContainers,
  type Rescue,
  type Security,
  type Sent,
} from '../libraries/rpc/index.js';

/** Longer than the controller waits for a VM that does not answer: it has the others' answers then. */
const shortMs = 30_000;
/** Starting and stopping a container in an emulated guest takes seconds, on a busy machine many. */
const containerMs = 120_000;
/** Its steps one after the other, each with an agent that takes all the time it may. */
const rescueMs = 180_000;
/** A migration ends by its own limits; this only keeps a call from waiting for ever. */
const migrationMs = 3_600_000;
const evacuationMs = 24 * 3_600_000;
/** One that hangs does not keep the next from being asked for long. */
const servingMs = 2_000;

const identity = { role: 'controller', name: '' } as const;

export type MigrateRequest = Sent<'Controller', 'Migrate'>;
export type EvacuateRequest = Sent<'Controller', 'Evacuate'>;

export class Controller implements Disposable {
  private readonly client: RpcClient<'Controller'>;

  constructor(
    readonly address: string,
    security: Security,
  ) {
    this.client = new RpcClient('Controller', address, `controller at ${address}`, security, identity);
  }

  cluster(): Promise<Cluster> {
    return this.client.call('GetCluster', {}, { deadlineMs: shortMs });
  }

  run(vm: string, spec: ContainerSpec): Promise<Container> {
    return this.client.call('RunContainer', { vm, spec }, { deadlineMs: containerMs });
  }

  /** Those of one VM, or of all where `vm` is empty. */
  containers(vm: string): Promise<PlacedContainers> {
    return this.client.call('ListContainers', { vm }, { deadlineMs: shortMs });
  }

  async stop(name: string): Promise<void> {
    await this.client.call('StopContainer', { name }, { deadlineMs: containerMs });
  }

  migrate(request: MigrateRequest): AsyncIterable<MigrationEvent> {
    return this.client.stream('Migrate', request, { deadlineMs: migrationMs });
  }

  evacuate(request: EvacuateRequest): AsyncIterable<EvacuationEvent> {
    return this.client.stream('Evacuate', request, { deadlineMs: evacuationMs });
  }

  watch(id: string): AsyncIterable<MigrationEvent> {
    return this.client.stream('WatchMigration', { id }, { deadlineMs: migrationMs });
  }

  async migrations(): Promise<MigrationEvent[]> {
    return (await this.client.call('ListMigrations', {}, { deadlineMs: shortMs })).migrations;
  }

  migration(id: string): Promise<MigrationEvent> {
    return this.client.call('GetMigration', { id }, { deadlineMs: shortMs });
  }

  async cancel(id: string): Promise<void> {
    await this.client.call('CancelMigration', { id }, { deadlineMs: shortMs });
  }

  /** Only looks where `keep` is empty. */
  rescue(container: string, keep: string): Promise<Rescue> {
    return this.client.call('RescueContainer', { container, keep }, { deadlineMs: rescueMs });
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

export interface SecuritySources {
  /** --insecure. */
  readonly insecure: boolean;
  /** A folder that `portkey certs` has filled: by --certs, else by PORTKEY_CERTS. */
  readonly named: string | undefined;
  /** The test bed's, while it is up. */
  readonly testbed: string | undefined;
}

/** Throws `invalid-argument` where nothing says how, or a file is missing. */
export function controllerSecurity({ insecure, named, testbed }: SecuritySources): Security {
  if (insecure) return 'insecure';
  const folder = named ?? testbed;
  if (folder === undefined)
    throw new PortkeyError(
      'invalid-argument',
      'no certificate to speak to this controller with: name the folder that `portkey certs` has filled with --certs, or say --insecure',
    );
  return readSecurity(filesOf(folder, { role: 'operator', name: '' }));
}

/** What the user named: by --controller, else by PORTKEY_CONTROLLER. */
export function namedController(flag: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return flag ?? env['PORTKEY_CONTROLLER'];
}

export interface AddressSources {
  /** Several are separated by commas. */
  readonly named: string | undefined;
  /** From the test bed's state file; undefined while it is down. */
  readonly testbed: readonly string[] | undefined;
}

/** Each "host:port" or "unix:/path". Throws `testbed-down` where nothing says any, `invalid-argument` on a bad one. */
export function controllerAddresses({ named, testbed }: AddressSources): readonly string[] {
  const addresses = named?.split(',') ?? testbed;
  if (addresses === undefined)
    throw new PortkeyError(
      'testbed-down',
      "no controller known: start a test bed with 'portkey testbed up', or name one with --controller host:port",
    );
  for (const address of addresses)
    if (!/^(unix:\/.+|.+:\d+)$/.test(address))
      throw new PortkeyError('invalid-argument', `'${address}' is no address: write host:port or unix:/path`);
  return addresses;
}

/** The first that serves; where none does the first of all, and what is asked of it says why it cannot be. */
export async function livingController(addresses: readonly string[], security: Security): Promise<string> {
  const [first = ''] = addresses;
  if (addresses.length === 1) return first;
  for (const address of addresses)
    if (await isServing(address, servingMs, security, identity)) return address;
  return first;
}
