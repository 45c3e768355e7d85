/**
 * A controller that does what a test says: a real gRPC server on a unix socket, behind which there is no cluster.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { filesOf, makeCertificates } from '../../libraries/certificates/index.js';
import { runCommand } from '../../libraries/process/index.js';
import {
  readSecurity,
  RpcServer,
  type Answered,
  type Received,
  type Security,
} from '../../libraries/rpc/index.js';

type Event = Answered<'Controller', 'Migrate'>;
type EvacuationEvent = Answered<'Controller', 'Evacuate'>;

export class ScriptedController implements AsyncDisposable {
  /** Everything asked of it, in order, by method name. */
  readonly calls: string[] = [];
  migrateRequest: Received<'Controller', 'Migrate'> | undefined;
  evacuateRequest: Received<'Controller', 'Evacuate'> | undefined;
  evacuationEvents: () => AsyncIterable<EvacuationEvent> | Iterable<EvacuationEvent> = () => [];
  rescueRequest: Received<'Controller', 'RescueContainer'> | undefined;
  rescue: Answered<'Controller', 'RescueContainer'> = {};
  runRequest: Received<'Controller', 'RunContainer'> | undefined;
  migrateEvents: (cancelled: Promise<void>) => AsyncIterable<Event> | Iterable<Event> = () => [];
  cluster: Answered<'Controller', 'GetCluster'> = { version: '0.1.0', redis: true, vms: [] };
  migrations: Event[] = [];
  runError: PortkeyError | undefined;
  private noteCancel: () => void = () => undefined;

  private constructor(
    private readonly folder: string,
    readonly address: string,
    private readonly server: RpcServer,
  ) {}

  /** For a command line that shall find it, and may talk to it. */
  get env(): Record<string, string> {
    return { PORTKEY_CONTROLLER: this.address, PORTKEY_CERTS: this.folder };
  }

  get operator(): Security {
    return readSecurity(filesOf(this.folder, { role: 'operator', name: '' }));
  }

  /** `as`: without certificates, only who asks for that can talk to it. */
  static async start(as: 'certified' | 'insecure' = 'certified'): Promise<ScriptedController> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-controller-'));
    await makeCertificates({ folder, vms: [], hosts: [], days: 1, renew: false }, runCommand);
    const files = filesOf(folder, { role: 'controller', name: '' });
    const server = new RpcServer(readSecurity(as === 'insecure' ? 'insecure' : files));
    const address = `unix:${path.join(folder, 'controller.sock')}`;
    const controller = new ScriptedController(folder, address, server);
    await controller.serve();
    return controller;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop(0);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async serve(): Promise<void> {
    const cancelled = new Promise<void>((resolve) => (this.noteCancel = resolve));
    this.server.add('Controller', {
      GetCluster: () => this.answer('GetCluster', this.cluster),
      RunContainer: (request) => {
        this.runRequest = request;
        if (this.runError !== undefined) return Promise.reject(this.runError);
        const name = request.spec?.name ?? '';
        return this.answer('RunContainer', { name, ip: '10.77.0.100', pid: 812, state: 'running' });
      },
      ListContainers: () =>
        this.answer('ListContainers', {
          containers: [
            { vm: 'vm-a', container: { name: 'web', ip: '10.77.0.100', pid: 812, state: 'running' } },
          ],
        }),
      StopContainer: () => this.answer('StopContainer', {}),
      Migrate: (request) => {
        this.migrateRequest = request;
        return asyncIterable(this.migrateEvents(cancelled));
      },
      Evacuate: (request) => {
        this.evacuateRequest = request;
        return asyncIterable(this.evacuationEvents());
      },
      ListMigrations: () => this.answer('ListMigrations', { migrations: this.migrations }),
      GetMigration: async ({ id }) => this.answer('GetMigration', await this.find(id)),
      WatchMigration: () => asyncIterable(this.migrateEvents(cancelled)),
      CancelMigration: () => {
        this.noteCancel();
        return this.answer('CancelMigration', {});
      },
      RescueContainer: (request) => {
        this.rescueRequest = request;
        return this.answer('RescueContainer', this.rescue);
      },
    });
    await this.server.listen([this.address]);
  }

  private answer<T>(method: string, message: T): Promise<T> {
    this.calls.push(method);
    return Promise.resolve(message);
  }

  private find(id: string): Promise<Event> {
    const event = this.migrations.find((migration) => migration.id === id);
    return event === undefined
      ? Promise.reject(new PortkeyError('migration-unknown', `no migration ${id}`))
      : Promise.resolve(event);
  }
}

async function* asyncIterable<T>(events: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  for await (const event of events) yield event;
}
