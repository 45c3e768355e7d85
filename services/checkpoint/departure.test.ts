import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import { systemClock, type CommandOptions, type CommandResult } from '../../libraries/process/index.js';
import { writtenDown } from '../../libraries/runtime/test-kernel.js';
import type { ContainerSpec } from '../../libraries/rpc/index.js';
import {
  ContainerHost,
  ContainerStore,
  CpuLimit,
  Freezer,
  outerLinkName,
  Runc,
} from '../../libraries/runtime/index.js';
import { Departures } from './departure.js';
import { PagemapReader } from './scan/task-pagemap.js';

const spec: ContainerSpec = {
  ...{
    name: 'web',
    rootfs: '/',
    readOnly: true,
    tmpfs: [],
    memoryLimitBytes: 0,
    network: 'NETWORK_MODE_OWN',
  },
  ...{ ip: '10.77.0.100/24', mac: '02:70:6b:00:00:64', command: ['redis-server'], env: [], labels: {} },
};
const migration = { migrationId: 'm-1', epoch: 1, container: 'web' };
const pageServer = { address: '10.77.0.12', port: 23_456 };
const connection = 'dst 10.77.0.12 dport = 23456';
const kill = `ss -Htn --kill ${connection}`;
const list = `ss -Htn ${connection}`;
const rule =
  'OUTPUT --destination 10.77.0.12 --protocol tcp --dport 23456 --jump REJECT --reject-with tcp-reset';
const linkUp = `link ${outerLinkName('web')} up`;

/**
 * A VM whose runc, like one whose CRIU waits for a page server that is gone, goes on until `criuFails`. What a command
 * prints is told; every command is written down.
 */
class ScriptedVm {
  readonly commands: string[] = [];
  readonly store: ContainerStore;
  readonly host: ContainerHost;
  private readonly children: ChildProcess[] = [];

  constructor(
    private readonly folder: string,
    private readonly prints: (command: string) => string,
  ) {
    this.store = new ContainerStore(path.join(folder, 'containers'), path.join(folder, 'ended'));
    const runc = new Runc(this.run);
    this.host = new ContainerHost({
      store: this.store,
      runc,
      run: this.run,
      clock: systemClock,
      bridge: 'br0',
      kernel: writtenDown(this.commands),
      roots: { runcState: path.join(folder, 'runc'), cgroup: path.join(folder, 'cgroup') },
    });
  }

  departures(): Departures {
    return new Departures({
      store: this.store,
      host: this.host,
      runc: new Runc(this.run),
      clock: systemClock,
      cpuSeconds: () => 0,
      run: this.run,
      freezer: (name) => new Freezer(name, systemClock, path.join(this.folder, 'cgroup')),
      cpuLimit: (name) => new CpuLimit(name, this.store.folder(name), path.join(this.folder, 'cgroup')),
      workRoot: path.join(this.folder, 'departures'),
      share: path.join(this.folder, 'share'),
      hypercalls: () => {
        throw new PortkeyError('no-hypercall-channel', 'none in this test');
      },
      pagemapReader: () => new PagemapReader(1),
      uptimeSeconds: () => 1,
      security: 'insecure',
    });
  }

  /** A process that looks like runc with these arguments, in a group of its own. */
  startRunc(args: readonly string[]): ChildProcess {
    const idle = ['-e', 'setInterval(() => {}, 1000)', '--'];
    const child = spawn(process.execPath, [...idle, ...args], {
      argv0: 'runc',
      detached: true,
      stdio: 'ignore',
    });
    this.children.push(child);
    return child;
  }

  async criuFails(): Promise<void> {
    for (const child of this.children.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  /** In order; what was said twice in a row counts once. */
  get distinct(): string[] {
    return this.commands.filter((command, at) => command !== this.commands[at - 1]);
  }

  private readonly run = async (
    argv: readonly string[],
    options?: CommandOptions,
  ): Promise<CommandResult> => {
    const command = argv.join(' ');
    if (argv[0] === 'runc') {
      const child = this.startRunc(argv.slice(1));
      options?.onStart?.(child.pid ?? 0);
      await once(child, 'exit');
      return { exitCode: 1, stdout: '', stderr: "Can't write pages to socket" };
    }
    this.commands.push(command);
    return { exitCode: 0, stdout: this.prints(command), stderr: '' };
  };
}

describe('a departure', () => {
  let folder = '';
  let vm: ScriptedVm | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'portkey-departure-'));
    await mkdir(path.join(folder, 'cgroup/portkey/web'), { recursive: true });
    await writeFile(path.join(folder, 'cgroup/portkey/web/cgroup.events'), 'populated 1\nfrozen 0\n');
  });
  afterEach(async () => {
    await vm?.criuFails();
    await rm(folder, { recursive: true, force: true });
  });

  /** In CRIU mode, with a dump under way that waits for its page server. */
  async function dumping(prints: (command: string) => string): Promise<{
    made: ScriptedVm;
    departures: Departures;
    dump: Promise<unknown>;
  }> {
    const made = (vm = new ScriptedVm(folder, prints));
    await made.store.create(spec);
    const departures = made.departures();
    await departures.begin({
      migration,
      mode: 'MODE_CRIU',
      batch: '',
      destinationRestore: '',
      destinationVm: '',
      bootId: '',
    });
    const dump = departures.dump(migration, pageServer);
    dump.catch(() => undefined);
    while (made.host.pageServerInUse('web') === undefined) await systemClock.sleep(5);
    return { made, departures, dump };
  }

  it('that is rolled back cuts the connection that CRIU waits in, and thaws when CRIU has failed by itself', async () => {
    const { made, departures, dump } = await dumping((command) => {
      if (command !== kill) return '';
      void made.criuFails();
      return 'ESTAB 0 0 10.77.0.11:40000 10.77.0.12:23456';
    });
    await departures.rollback(migration);
    assert.deepEqual(made.distinct, [kill, linkUp]);
    await assert.rejects(dump, { code: 'dump-failed' });
    assert.equal(made.store.claimOf('web'), undefined);
  });

  it('resets it by a packet filter rule where the kernel closes no sockets, and takes the rule away', async () => {
    const { made, departures } = await dumping((command) => {
      if (command.startsWith('iptables --wait --insert')) void made.criuFails();
      return command === list ? 'ESTAB 0 0 10.77.0.11:40000 10.77.0.12:23456' : '';
    });
    await departures.rollback(migration);
    assert.deepEqual(made.distinct.slice(0, 3), [kill, list, `iptables --wait --insert ${rule}`]);
    assert.deepEqual(made.distinct.slice(-2), [`iptables --wait --delete ${rule}`, linkUp]);
    assert.equal(made.commands.filter((command) => command.includes('--insert')).length, 1);
  });

  it('cuts also for an agent that was restarted meanwhile, which has nothing but the container’s name', async () => {
    const { made } = await dumping((command) => {
      if (command !== kill) return '';
      void made.criuFails();
      return 'ESTAB';
    });
    await made.departures().rollback(migration);
    assert.deepEqual(made.distinct, [kill, linkUp]);
  });

  it('cuts nothing where CRIU has no page server, as in Portkey mode, and nothing of another migration', async () => {
    const made = (vm = new ScriptedVm(folder, () => ''));
    await made.store.create(spec, { migrationId: 'm-1', epoch: 1, role: 'source' });
    const { pid = 0 } = made.startRunc(['checkpoint', '--leave-running', 'web']);
    made.host.expectWorker('web')(pid);
    const rollback = made.departures().rollback(migration);
    await systemClock.sleep(500);
    assert.deepEqual(made.commands, []);
    await made.criuFails();
    await rollback;
    assert.deepEqual(made.commands, [linkUp]);
    await made.store.claim('web', { migrationId: 'm-2', epoch: 1, role: 'source' });
    const other = made.startRunc(['checkpoint', '--page-server', '10.77.0.12:23456', 'web']);
    made.host.expectWorker('web')(other.pid ?? 0);
    await made.departures().rollback(migration);
    assert.deepEqual(made.commands, [linkUp]);
  });

  /** A departure in CRIU mode that begins, with a cgroup in which the container has used half a CPU for a while. */
  async function begun(): Promise<{ made: ScriptedVm; departures: Departures; cpuMax: string }> {
    const made = (vm = new ScriptedVm(folder, () => ''));
    await made.store.create(spec);
    const cgroup = path.join(folder, 'cgroup/portkey/web');
    const cpuMax = path.join(cgroup, 'cpu.max');
    await writeFile(cpuMax, '150000 100000\n');
    await writeFile(path.join(cgroup, 'cpu.stat'), 'usage_usec 0\nuser_usec 0\n');
    const departures = made.departures();
    await departures.begin({
      migration,
      mode: 'MODE_CRIU',
      batch: '',
      destinationRestore: '',
      destinationVm: '',
      bootId: '',
    });
    await systemClock.sleep(50);
    await writeFile(path.join(cgroup, 'cpu.stat'), 'usage_usec 40000\nuser_usec 40000\n');
    return { made, departures, cpuMax };
  }

  it('that was throttled gives the container its CPU back when it is rolled back, also by an agent that was restarted', async () => {
    const { made, departures, cpuMax } = await begun();
    const cpus = await departures.throttle(migration, 0.5);
    assert.ok(cpus > 0 && cpus < 0.5, `${cpus} CPUs`);
    const limited = await readFile(cpuMax, 'utf8');
    assert.match(limited, /^\d+ 20000$/);
    const less = await departures.throttle(migration, 0.25);
    assert.ok(Math.abs(less - cpus / 2) < 1e-9, 'of what it used before it was throttled');
    await made.departures().rollback(migration);
    assert.equal((await readFile(cpuMax, 'utf8')).trim(), '150000 100000');
    await writeFile(cpuMax, 'somebody else');
    await made.departures().rollback(migration);
    assert.equal(await readFile(cpuMax, 'utf8'), 'somebody else');
  });

  it('that was throttled gives it back before the freeze, so that nothing of it can be dumped', async () => {
    const { departures, cpuMax } = await begun();
    await departures.throttle(migration, 0.5);
    const cgroup = path.join(folder, 'cgroup/portkey/web');
    // A freezer that has frozen as soon as it is asked, if the limit is gone by then.
    await writeFile(path.join(cgroup, 'cgroup.events'), 'populated 1\nfrozen 0\n');
    const freezing = departures.freeze(migration);
    for (;;) {
      const asked = await readFile(path.join(cgroup, 'cgroup.freeze'), 'utf8').catch(() => '');
      if (asked.startsWith('1')) break;
      await systemClock.sleep(1);
    }
    assert.equal((await readFile(cpuMax, 'utf8')).trim(), '150000 100000');
    await writeFile(path.join(cgroup, 'cgroup.events'), 'populated 1\nfrozen 1\n');
    await freezing;
  });

  it('cannot be throttled where the cgroup has no CPU controller, and goes on', async () => {
    const made = (vm = new ScriptedVm(folder, () => ''));
    await made.store.create(spec);
    const departures = made.departures();
    await departures.begin({
      migration,
      mode: 'MODE_CRIU',
      batch: '',
      destinationRestore: '',
      destinationVm: '',
      bootId: '',
    });
    await assert.rejects(departures.throttle(migration, 0.5), { code: 'runtime-failed' });
    await assert.rejects(departures.throttle(migration, 2), { code: 'invalid-argument' });
    await departures.rollback(migration);
  });

  it('does not begin after it was ended: a Begin that was on its way for long claims nothing', async () => {
    const made = (vm = new ScriptedVm(folder, () => ''));
    await made.store.create(spec);
    const begin = {
      migration,
      mode: 'MODE_CRIU',
      batch: '',
      destinationRestore: '',
      destinationVm: '',
      bootId: '',
    } as const;
    await made.departures().rollback({ ...migration, epoch: 2 });
    await assert.rejects(made.departures().begin(begin), { code: 'stale-epoch' });
    await made.departures().finish({ ...migration, migrationId: 'm-2' });
    const other = { ...begin, migration: { ...migration, migrationId: 'm-2' } };
    await assert.rejects(made.departures().begin(other), { code: 'stale-epoch' });
    assert.equal(made.store.claimOf('web'), undefined);
  });

  it('that another run of the controller has taken over is left alone by the first', async () => {
    const { made, departures } = await dumping((command) => {
      if (command === kill) void made.criuFails();
      return 'ESTAB';
    });
    await assert.rejects(departures.takeOver({ ...migration, migrationId: 'm-2' }), { code: 'stale-epoch' });
    await departures.takeOver({ ...migration, epoch: 2 });
    for (const call of [
      () => departures.freeze(migration),
      () => departures.dump(migration, pageServer),
      () => departures.rollback(migration),
      () => departures.finish(migration),
    ]) {
      await assert.rejects(call, { code: 'stale-epoch' });
    }
    assert.deepEqual(made.commands, []);
    await departures.rollback({ ...migration, epoch: 2 });
    assert.deepEqual(made.distinct, [kill, linkUp]);
  });

  it('is taken over before or after a rollback thaws and releases it, and not in between', async () => {
    const made = (vm = new ScriptedVm(folder, () => ''));
    const departures = made.departures();
    await made.store.create(spec, { migrationId: 'm-1', epoch: 1, role: 'source' });
    const events = path.join(folder, 'cgroup/portkey/web/cgroup.events');
    const freeze = path.join(folder, 'cgroup/portkey/web/cgroup.freeze');
    await writeFile(events, 'populated 1\nfrozen 1\n');
    const rollback = departures.rollback(migration);
    while ((await readFile(freeze, 'utf8').catch(() => '')) !== '0') await systemClock.sleep(1);
    const takeOver = departures.takeOver({ ...migration, epoch: 2 });
    takeOver.catch(() => undefined);
    await systemClock.sleep(20);
    assert.equal(made.store.claimOf('web')?.epoch, 1);
    await writeFile(events, 'populated 1\nfrozen 0\n');
    await rollback;
    await assert.rejects(takeOver, { code: 'stale-epoch' });
    assert.equal(made.store.claimOf('web'), undefined);
  });
});
