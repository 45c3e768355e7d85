/** The test bed comes up by itself, in time, and with as few privileges as it says. */
import assert from 'node:assert/strict';

import { dockerOk, services, up, hasGrafana, composeOk } from './support/bed.js';

const readyWithinMs = 180_000;
/** Effective ones, as the kernel writes that there are none. */
const noCapabilities = '0000000000000000';

describe('docker compose up', function () {
  this.timeout(300_000);

  before(async () => {
    if (!(await hasGrafana()))
      console.log("    Grafana's image cannot be pulled here: it is left out of all that follows");
  });

  it('has every service healthy within three minutes, and the setup ended', async () => {
    const startMs = performance.now();
    const { exitCode, stderr } = await up();
    const tookMs = performance.now() - startMs;
    assert.equal(exitCode, 0, stderr.slice(-2_000));
    console.log(`    ready after ${(tookMs / 1000).toFixed(0)} s`);
    assert.ok(tookMs < readyWithinMs);
    for (const { service, state, health } of await services())
      assert.deepEqual(
        [service, state, health],
        service === 'setup' ? [service, 'exited', ''] : [service, 'running', 'healthy'],
      );
  });

  it('comes to nothing but that when it is asked for again', async () => {
    const ids = async (): Promise<string[]> =>
      (await services())
        .filter(({ service }) => service !== 'setup')
        .map(({ id }) => id)
        .sort();
    const before = await ids();
    assert.equal((await up()).exitCode, 0);
    assert.deepEqual(await ids(), before);
  });

  it('leaves every process without a capability, and an ordinary user’s', async () => {
    for (const { service, id, state } of await services()) {
      if (state !== 'running') continue;
      const { HostConfig } = JSON.parse((await dockerOk(['inspect', id, '-f', '{{json .}}'])).trim()) as {
        HostConfig: { Privileged: boolean; CapDrop: string[] | null; ReadonlyRootfs: boolean };
      };
      assert.deepEqual(
        [HostConfig.Privileged, HostConfig.CapDrop, HostConfig.ReadonlyRootfs],
        [false, ['ALL'], true],
        service,
      );
      for (const { pid, name, uid, capabilities } of await processesOf(id)) {
        assert.notEqual(uid, '0', `${service}: process ${pid}, ${name}, is root's`);
        for (const set of capabilities)
          assert.equal(set, noCapabilities, `${service}: process ${pid}, ${name}`);
      }
    }
  });

  it('shows each service no secrets but its own', async () => {
    for (const service of [
      'controller',
      'relay-a',
      'relay-b',
      'vm-a',
      'vm-b',
      'clients',
      'redis',
      'prometheus',
    ]) {
      const shown = (await composeOk(['exec', '-T', service, 'ls', '/run/secrets'])).trim().split('\n');
      assert.deepEqual(shown, [service === 'prometheus' ? 'targets' : service]);
    }
  });
});

interface ContainerProcess {
  readonly pid: string;
  readonly name: string;
  readonly uid: string;
  /** Inheritable, permitted, effective and ambient ones, as the kernel writes them. */
  readonly capabilities: readonly string[];
}

/** As the kernel says, from inside: a container that shares another's processes lists those, too. */
async function processesOf(id: string): Promise<ContainerProcess[]> {
  const script =
    "for p in /proc/[0-9]*/status; do awk '/^(Name|Pid|Uid|CapInh|CapPrm|CapEff|CapAmb):/ {print $2}' $p 2>/dev/null | tr '\\n' ' '; echo; done";
  const lines = (await dockerOk(['exec', id, 'sh', '-c', script])).trim().split('\n');
  const own = ['sh', 'awk', 'tr'];
  return lines
    .map((line) => line.trim().split(' '))
    .filter(([name = '']) => name !== '' && !own.includes(name))
    .map(([name = '', pid = '', uid = '', ...capabilities]) => ({ name, pid, uid, capabilities }));
}
