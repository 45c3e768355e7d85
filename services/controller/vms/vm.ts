/**
 * One VM as the controller sees it: clients for its two agents and for the relay of its host.
 */
import { RpcClient, type Security } from '../../../libraries/rpc/index.js';
import type { VmConfig } from '../config.js';

export class Vm {
  readonly name: string;
  readonly host: string;
  readonly group: string;
  readonly checkpoint: RpcClient<'Checkpoint'>;
  readonly restore: RpcClient<'Restore'>;
  readonly containers: RpcClient<'Containers'>;
  readonly relay: RpcClient<'HypervisorRelay'>;

  constructor(config: VmConfig, security: Security) {
    this.name = config.name;
    this.host = config.host;
    this.group = config.group;
    const { name } = config;
    const restoreName = `the restore service of ${config.name} at ${config.restore}`;
    this.checkpoint = new RpcClient(
      'Checkpoint',
      config.checkpoint,
      `the checkpoint service of ${config.name} at ${config.checkpoint}`,
      security,
      { role: 'checkpoint', name },
    );
    this.restore = new RpcClient('Restore', config.restore, restoreName, security, { role: 'restore', name });
    this.containers = new RpcClient('Containers', config.restore, restoreName, security, {
      role: 'restore',
      name,
    });
    this.relay = new RpcClient(
      'HypervisorRelay',
      config.relay,
      `the hypervisor-relay of ${config.host} at ${config.relay}`,
      security,
      { role: 'relay', name: config.host },
    );
  }

  close(): void {
    for (const client of [this.checkpoint, this.restore, this.containers, this.relay]) client.close();
  }
}
