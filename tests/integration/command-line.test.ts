import assert from 'node:assert/strict';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { Answered } from '../../libraries/rpc/index.js';
import { portkey, startPortkey, type CommandLineResult } from '../support/command-line.js';
import { sampleMigration } from '../support/sample-report.js';
import { ScriptedController } from '../support/scripted-controller.js';

type Event = Answered<'Controller', 'Migrate'>;

const event = (changes: Event): Event => ({
  id: 'm1',
  state: 'precopy',
  kind: 'transition',
  text: 'sending memory',
  at: '2026-01-01T00:00:00.000Z',
  ...changes,
});

/** What a controller says of a container that is no built-in workload. */
const report = (changes: object): string =>
  JSON.stringify({
    ...sampleMigration('portkey'),
    workload: null,
    verified: null,
    clientPauseSeconds: null,
    connectionKept: null,
    ...changes,
  });

describe('the command line', function () {
  this.timeout(20_000);
  let controller: ScriptedController;

  beforeEach(async () => {
    controller = await ScriptedController.start();
  });

  afterEach(() => controller[Symbol.asyncDispose]());

  const run = (...args: string[]): Promise<CommandLineResult> => portkey(args, controller.env);

  it('answers wrong usage with one line and exit code 2, whatever is wrong', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /^portkey: say which command/],
      [['frobnicate'], /^portkey: unknown command 'frobnicate'\n$/],
      [['ps', '--bogus'], /^portkey: unknown option '--bogus'\n$/],
      [['migrate', 'web'], /^portkey: required option '--to <vm>' not specified\n$/],
      [['migrate', 'web', '--to', 'vm-b', '--max-downtime', '3'], /write it like 300ms or 2s\n$/],
      [['migrate', 'web', '--to', 'vm-b', '--batch', 'fixed:0'], /write 'adaptive' or 'fixed:N'/],
      [['migrate', '../web', '--to', 'vm-b'], /a name has up to 40 letters/],
      [['run', 'vm-a', 'web', '--rootfs', '/'], /say what to run/],
      [['run', 'vm-a', 'web', '--', 'true'], /say which root file system/],
      [['run', 'vm-a', 'web', '--workload', 'redis', '--', 'true'], /brings its own command/],
      [['run', 'vm-a', 'web', '--rootfs', '/', '--size', '1M', '--', 'true'], /belong to --workload/],
      [['ps', '--controller', 'nonsense'], /'nonsense' is no address/],
      [['bench'], /runs on this machine's test bed, not at unix:/],
      [['bench', '--warm-up', '11'], /write a whole number from 0 to 10/],
      [['testbed', 'up', '--streams', '9'], /write a whole number from 1 to 8/],
      [['testbed', 'up', '--controllers', '0'], /write a whole number from 1 to 3/],
      [['certs', '/nonexistent', '--vm', 'my vm'], /^portkey: 'my vm' is no name .*up to 63 letters/],
      [['certs', '/nonexistent', '--host', 'h/../../x'], /^portkey: 'h\/\.\.\/\.\.\/x' is no name/],
    ];
    const results = await Promise.all(
      wrong.map(async (entry) => ({ entry, result: await run(...entry[0]) })),
    );
    for (const {
      entry: [args, message],
      result,
    } of results) {
      assert.deepEqual([args, result.exitCode, result.stdout], [args, 2, '']);
      assert.match(result.stderr, message);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1);
    }
  });

  it('prints errors as the one JSON document where JSON is asked for', async () => {
    const usage = await run('ps', '--bogus', '--json');
    assert.deepEqual(JSON.parse(usage.stdout), {
      error: { code: 'invalid-argument', message: "unknown option '--bogus'" },
    });
    const down = await portkey(['ps', '--json']);
    assert.equal(down.exitCode, 1);
    assert.equal((JSON.parse(down.stdout) as { error: { code: string } }).error.code, 'testbed-down');
  });

  it('does not take what follows -- for its own options', async () => {
    const result = await run('run', 'vm-a', 'web', '--rootfs', '/', '--', 'echo', '--json', '--bogus');
    assert.deepEqual([result.exitCode, result.stdout], [0, '10.77.0.100\n']);
    assert.deepEqual(controller.runRequest?.spec?.command, ['echo', '--json', '--bogus']);
  });

  it('starts a container as it was told', async () => {
    const options = ['--tmpfs', '/tmp', '--tmpfs', '/run', '--memory', '64M', '--env', 'A=1', '--env', 'B=2'];
    await run('run', 'vm-a', 'web', '--rootfs', '/srv/x', '--network', 'host', ...options, '--', 'nginx');
    const { vm, spec } = controller.runRequest ?? {};
    assert.equal(vm, 'vm-a');
    assert.deepEqual(
      [spec?.rootfs, spec?.readOnly, spec?.tmpfs, spec?.memoryLimitBytes, spec?.env, spec?.network],
      ['/srv/x', false, ['/tmp', '/run'], 64 * 2 ** 20, ['A=1', 'B=2'], 'NETWORK_MODE_HOST'],
    );
  });

  it("ends with the exit code of the controller's error", async () => {
    controller.runError = new PortkeyError('vm-unknown', "there is no VM 'vm-z'; there are vm-a, vm-b");
    const result = await run('run', 'vm-z', 'web', '--rootfs', '/', '--', 'true');
    assert.deepEqual(result, {
      exitCode: 3,
      stdout: '',
      stderr: "portkey: there is no VM 'vm-z'; there are vm-a, vm-b\n",
    });
  });

  it('shows details of an error only when asked', async () => {
    controller.runError = new PortkeyError('runtime-failed', 'runc failed', { details: 'the log says why' });
    const args = ['run', 'vm-a', 'web', '--rootfs', '/', '--', 'true'];
    assert.doesNotMatch((await run(...args)).stderr, /the log says why/);
    assert.match((await run(...args.slice(0, 3), '--verbose', ...args.slice(3))).stderr, /the log says why/);
  });

  it('lists containers', async () => {
    assert.deepEqual(JSON.parse((await run('ps', '--json')).stdout), [
      { name: 'web', vm: 'vm-a', ip: '10.77.0.100', pid: 812, state: 'running', migration: null },
    ]);
    assert.match(
      (await run('ps')).stdout,
      /^name +VM +address +pid +state +migration\n─.*\nweb +vm-a +10\.77\.0\.100 +812 +running +–\n$/,
    );
  });

  it('rescues a container only by the copy that is named, and else lists what there is', async () => {
    const claim = { migrationId: 'm-1', epoch: 1, side: 'SIDE_SOURCE' as const };
    controller.rescue = {
      copies: [
        { vm: 'vm-a', state: 'paused', claim, migrationState: 'lost', keeping: 'it runs from where it was' },
        { vm: 'vm-b', state: 'created', claim, migrationState: 'lost', hindrance: 'it was not restored' },
      ],
      left: [],
    };
    const asked = await run('rescue', 'web');
    assert.equal(asked.exitCode, 3);
    assert.match(asked.stdout, /vm-a +paused +source +m-1, lost\n/);
    assert.match(asked.stdout, /\nportkey rescue web --keep vm-a: it runs from where it was\n/);
    assert.match(asked.stdout, /\nthe copy on vm-b cannot be kept: it was not restored\n$/);
    assert.equal(controller.rescueRequest?.keep, '');
    const kept = await run('rescue', 'web', '--keep', 'vm-a');
    assert.deepEqual([kept.exitCode, kept.stdout], [0, 'web is on vm-a: it runs from where it was\n']);
    assert.deepEqual([controller.rescueRequest.container, controller.rescueRequest.keep], ['web', 'vm-a']);
    controller.rescue = { left: ['the copy on vm-b: gone'] };
    const half = await run('rescue', 'web', '--keep', 'vm-a', '--json');
    assert.equal(half.exitCode, 1);
    assert.deepEqual(JSON.parse(half.stdout), {
      ...{ name: 'web', kept: 'vm-a', copies: [], left: ['the copy on vm-b: gone'] },
    });
    assert.equal(half.stderr, 'warning: left behind: the copy on vm-b: gone\n');
  });

  it('stops containers', async () => {
    const { exitCode, stdout } = await run('stop', 'web', '--json');
    assert.deepEqual([exitCode, JSON.parse(stdout)], [0, { name: 'web', stopped: true }]);
  });

  it('refuses to verify what is no built-in workload', async () => {
    const { exitCode, stderr } = await run('verify', 'nobody');
    assert.equal(exitCode, 3);
    assert.match(stderr, /'nobody' is no built-in workload; start one with/);
  });

  describe('migrate', () => {
    it('passes its options on, tells of the way, and prints the report', async () => {
      controller.migrateEvents = () => [
        event({ state: 'preflight', kind: 'warning', text: 'its connections will be closed' }),
        event({ kind: 'progress', data: '{"round":0,"pagesSent":5}', text: 'round 0: 5 pages' }),
        event({ state: 'done', text: 'done', report: report({}) }),
      ];
      const limits = [
        '--max-downtime',
        '50ms',
        '--max-rounds',
        '3',
        '--bandwidth',
        '1gbit',
        '--batch',
        'fixed:8',
        '--retries',
        '2',
      ];
      const result = await run('migrate', 'web', '--to', 'vm-b', '--mode', 'criu', ...limits, '--json');
      assert.equal(result.exitCode, 0);
      assert.deepEqual(JSON.parse(result.stdout), JSON.parse(report({})));
      assert.match(result.stderr, /warning: its connections will be closed/);
      assert.match(result.stderr, /round 0: 5 pages/);
      assert.deepEqual(controller.migrateRequest, {
        container: 'web',
        to: 'vm-b',
        mode: 'MODE_CRIU',
        maxDowntimeMs: 50,
        maxRounds: 3,
        bytesPerSecond: 125_000_000,
        batch: 'fixed:8',
        throttle: false,
        verify: false,
        retries: 2,
      });
    });

    it('ends with 1 after a rollback and with 3 after a refusal, and says why', async () => {
      for (const [outcome, exitCode] of [
        ['rolled-back', 1],
        ['failed', 1],
        ['refused', 3],
      ] as const) {
        const error = { code: 'restore-failed', message: `it was ${outcome}` };
        controller.migrateEvents = () => [event({ state: outcome, report: report({ outcome, error }) })];
        const result = await run('migrate', 'web', '--to', 'vm-b');
        assert.equal(result.exitCode, exitCode);
        assert.match(result.stdout, new RegExp(`web: vm-b → vm-a, portkey mode, ${outcome}`));
        assert.match(result.stderr, new RegExp(`portkey: it was ${outcome}\n$`));
      }
    });

    it('cancels on Ctrl-C and waits for the outcome', async () => {
      controller.migrateEvents = async function* (cancelled) {
        yield event({});
        await cancelled;
        const error = { code: 'cancelled', message: 'cancelled on request' };
        yield event({ state: 'rolled-back', report: report({ outcome: 'rolled-back', error }) });
      };
      const running = startPortkey(['migrate', 'web', '--to', 'vm-b', '--json'], controller.env);
      await running.said('sending memory');
      running.interrupt();
      const { exitCode, stdout } = await running.result;
      assert.equal(exitCode, 1);
      assert.equal((JSON.parse(stdout) as { outcome: string }).outcome, 'rolled-back');
      assert.deepEqual(controller.calls, ['CancelMigration']);
    });

    it('leaves on the second Ctrl-C, and says how to go on watching', async () => {
      controller.migrateEvents = async function* () {
        yield event({});
        await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
      };
      const running = startPortkey(['migrate', 'web', '--to', 'vm-b'], controller.env);
      await running.said('sending memory');
      running.interrupt();
      await running.said('cancelling');
      running.interrupt();
      const { exitCode, stderr } = await running.result;
      assert.equal(exitCode, 1);
      assert.match(stderr, /the migration goes on without this command; see 'portkey watch m1'\n$/);
    });
  });

  it('tells the history, one migration, and its events', async () => {
    controller.migrations = [
      event({ id: 'm2', state: 'precopy', text: 'sending memory' }),
      event({ id: 'm1', state: 'done', text: 'done', report: report({ id: 'm1' }) }),
    ];
    const list = JSON.parse((await run('migrations', '--json')).stdout) as { id: string; outcome?: string }[];
    assert.deepEqual(
      list.map(({ id, outcome }) => [id, outcome]),
      [
        ['m2', undefined],
        ['m1', 'completed'],
      ],
    );
    assert.match((await run('migrations')).stdout, /m1 .*vm-b → vm-a .*done/);
    assert.match((await run('migrations', 'm1')).stdout, /total time/);
    const unknown = await run('migrations', 'm9');
    assert.deepEqual([unknown.exitCode, unknown.stderr], [1, 'portkey: no migration m9\n']);

    controller.migrateEvents = () => [event({}), event({ state: 'done', text: 'all done' })];
    assert.match((await run('watch', 'm1')).stdout, /precopy +sending memory\n.*done +all done\n$/);
    assert.equal((JSON.parse((await run('watch', 'm1', '--json')).stdout) as unknown[]).length, 2);
    assert.equal((await run('cancel', 'm1')).exitCode, 0);
  });

  it('warns once, and only on stderr, where it is to do without certificates', async () => {
    await using open = await ScriptedController.start('insecure');
    const several = { PORTKEY_CONTROLLER: `unix:/gone.sock,${open.address}` };
    for (const args of [['ps'], ['ps', '--json'], ['doctor', '--json']]) {
      const { stdout, stderr } = await portkey([...args, '--insecure'], several);
      assert.match(
        stderr,
        /^INSECURE: .* whoever is on the way to it may read and change .*\n$/,
        args.join(' '),
      );
      assert.match(stdout, args.includes('--json') ? /^[[{]/ : /^name .*\n.*\nweb /);
      if (args.includes('--json')) assert.doesNotThrow(() => void JSON.parse(stdout), stdout);
    }
    assert.equal((await run('ps')).stderr, '');
  });

  it('speaks to the first of several controllers that answers, and says which do not', async () => {
    const several = { ...controller.env, PORTKEY_CONTROLLER: `unix:/gone.sock,${controller.address}` };
    assert.equal((await portkey(['ps'], several)).exitCode, 0);
    const { exitCode, stdout } = await portkey(['doctor'], several);
    assert.equal(exitCode, 1);
    assert.match(stdout, new RegExp(`✓ controller +0.1.0 at ${controller.address}`));
    assert.match(
      stdout,
      /✗ controller +.*unix:\/gone\.sock.*; the others work without it\n +→ start it, or leave its address out/,
    );
  });

  it('says that a Redis which keeps nothing is none to rely on', async () => {
    controller.cluster = { version: '0.1.0', redis: true, redisVolatile: true, vms: [] };
    const { exitCode, stdout } = await run('doctor');
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /✗ redis +keeps no append-only file: .*\n +→ start it with: --appendonly yes --appendfsync always/,
    );
  });

  it('examines the cluster', async () => {
    controller.cluster = {
      version: '0.1.0',
      redis: false,
      vms: [
        {
          name: 'vm-a',
          host: 'host-a',
          problems: ['vm-a is silent: nothing can leave it; start its agents'],
        },
      ],
    };
    const { exitCode, stdout } = await run('doctor', '--json');
    assert.equal(exitCode, 1);
    const { ok, checks } = JSON.parse(stdout) as {
      ok: boolean;
      checks: { name: string; state: string; fix: string }[];
    };
    assert.equal(ok, false);
    assert.deepEqual(
      checks
        .filter(({ state }) => state === 'failed')
        .map(({ name, fix }) => [name, fix])
        .slice(-2),
      [
        ['redis', 'start it, or take the test bed down and up again'],
        ['vm-a', 'start its agents'],
      ],
    );
  });
});
