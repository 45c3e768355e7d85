/**
 * `portkey evacuate` and `migrate --retries` as their users see them, against a controller that does as it is told.
 */
import assert from 'node:assert/strict';

import { PortkeyError } from '../../libraries/errors/index.js';
import { portkey, startPortkey, type CommandLineResult } from '../support/command-line.js';
import { sampleMigration } from '../support/sample-report.js';
import { ScriptedController } from '../support/scripted-controller.js';

const at = '2026-01-01T00:00:00.000Z';
const told = (changes: object): object => ({
  id: 'm-1',
  state: 'precopy',
  kind: 'transition',
  at,
  ...changes,
});
const step = (container: string, outcome: string, changes: object = {}): object => ({
  ...{ container, to: 'vm-b', outcome },
  ...changes,
});

describe('portkey evacuate', function () {
  this.timeout(60_000);
  let controller: ScriptedController;

  beforeEach(async () => {
    controller = await ScriptedController.start();
  });

  afterEach(() => controller[Symbol.asyncDispose]());

  const run = (...args: string[]): Promise<CommandLineResult> => portkey(args, controller.env);

  it('shows what goes on and sums it up, with exit code 1 where something stayed', async () => {
    const report = JSON.stringify(sampleMigration('portkey', { id: 'm-1', container: 'web', to: 'vm-b' }));
    controller.evacuationEvents = () => [
      step('web', 'planned'),
      step('cache', 'stayed', { to: '', code: 'no-room', reason: 'no room anywhere' }),
      step('web', 'moving', { event: told({ text: 'sending memory' }) }),
      step('web', 'moving', { event: told({ state: 'done', text: 'has moved', report }) }),
      step('web', 'moved'),
    ];
    const people = await run('evacuate', 'vm-a');
    assert.equal(people.exitCode, 1);
    assert.match(
      people.stderr,
      /^web {2}goes to vm-b\ncache {2}stays: no room anywhere\nweb {2}00:00:00.000 {2}precopy/,
    );
    assert.match(people.stderr, /\nportkey: 1 of 2 containers stayed on vm-a: cache\n$/);
    assert.match(people.stdout, /web .*vm-b .*moved/);
    assert.match(people.stdout, /cache .*stayed .*no room anywhere/);
    const json = await run('evacuate', 'vm-a', '--json');
    const { vm, dryRun, containers } = JSON.parse(json.stdout) as {
      vm: string;
      dryRun: boolean;
      containers: object[];
    };
    assert.deepEqual([json.exitCode, vm, dryRun], [1, 'vm-a', false]);
    assert.match(
      JSON.stringify(containers[0]),
      /"outcome":"moved","reason":null,"migration":"m-1","report":\{"id":"m-1"/,
    );
    assert.match(
      JSON.stringify(containers[1]),
      /"reason":\{"code":"no-room","message":"no room anywhere"\},"migration":null/,
    );
  });

  it('tells what is lost, and what nobody can place, from what stayed, and what to do', async () => {
    controller.evacuationEvents = () => [
      step('web', 'lost', { code: 'source-lost', reason: 'vm-a was started anew' }),
      step('shop', 'unknown', { code: 'migration-unknown', reason: 'no migration' }),
      step('job', 'moving', { event: told({ text: 'sending memory' }) }),
      step('cache', 'stayed', { to: '', code: 'no-room', reason: 'no room anywhere' }),
    ];
    const { exitCode, stdout, stderr } = await run('evacuate', 'vm-a');
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^web {2}is lost: vm-a was started anew\nshop {2}nobody can say whether it runs, and where: no/,
    );
    assert.ok(
      stderr.endsWith(
        '\nportkey: 1 of 4 containers stayed on vm-a: cache; ' +
          '1 of 4 containers lost: web (start anew with: portkey run); ' +
          '2 of 4 containers not accounted for: shop, job (see: portkey ps; for what it shows as lost: portkey rescue)\n',
      ),
      stderr,
    );
    assert.match(stdout, /web .*lost .*vm-a was started anew\n/);
    const json = await run('evacuate', 'vm-a', '--json');
    const { containers } = JSON.parse(json.stdout) as { containers: { outcome: string; reason: object }[] };
    assert.deepEqual(
      containers.slice(0, 2).map(({ outcome, reason }) => ({ outcome, reason })),
      [
        { outcome: 'lost', reason: { code: 'source-lost', message: 'vm-a was started anew' } },
        { outcome: 'unknown', reason: { code: 'migration-unknown', message: 'no migration' } },
      ],
    );
  });

  it('passes on what is asked for, with two retries unless told otherwise', async () => {
    const args = ['--to', 'vm-b', '--mode', 'criu', '--max-downtime', '1s', '--dry-run'];
    const { exitCode, stdout } = await run('evacuate', 'vm-a', ...args);
    assert.deepEqual([exitCode, stdout], [0, 'no containers on vm-a\n']);
    const { vm, to, dryRun, how } = controller.evacuateRequest ?? {};
    assert.deepEqual([vm, to, dryRun], ['vm-a', 'vm-b', true]);
    assert.deepEqual([how?.mode, how?.maxDowntimeMs, how?.retries], ['MODE_CRIU', 1_000, 2]);
    await run('evacuate', 'vm-a', '--retries', '0');
    assert.equal(controller.evacuateRequest?.how?.retries, 0);
  });

  it('ends well where everything moved, and as the controller says where it cannot begin', async () => {
    controller.evacuationEvents = () => [step('web', 'planned'), step('web', 'moved')];
    assert.equal((await run('evacuate', 'vm-a')).exitCode, 0);
    controller.evacuationEvents = () => [step('web', 'planned')];
    assert.equal((await run('evacuate', 'vm-a', '--dry-run')).exitCode, 0);
    controller.evacuationEvents = () => {
      throw new PortkeyError('invalid-argument', 'name another VM');
    };
    assert.equal((await run('evacuate', 'vm-a', '--to', 'vm-a')).exitCode, 2);
    for (const args of [['evacuate'], ['evacuate', 'vm-a', '--retries', '-1']]) {
      assert.equal((await run(...args)).exitCode, 2);
    }
  });

  it('leaves at Ctrl-C, and says how to follow and cancel what goes on', async () => {
    controller.evacuationEvents = async function* () {
      yield step('web', 'moving', { event: told({ text: 'sending memory' }) });
      await new Promise(() => undefined);
    };
    const running = startPortkey(['evacuate', 'vm-a'], controller.env);
    await running.said('sending memory');
    running.interrupt();
    const { exitCode, stderr } = await running.result;
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /go on without this command; follow one with portkey watch ID, cancel it with portkey cancel ID: web m-1\n$/,
    );
    assert.deepEqual(controller.calls, []);
  });

  it('has migrate follow the next try, and answer with the last one’s report', async () => {
    const error = { code: 'stream-broken', message: 'the stream broke' };
    const report = (id: string, changes: object): string =>
      JSON.stringify(sampleMigration('portkey', { id, container: 'job', workload: null, ...changes }));
    controller.migrateEvents = () => [
      told({
        state: 'rolled-back',
        report: report('m-1', { outcome: 'rolled-back', error, retriedBy: 'm-2' }),
      }),
      told({ id: 'm-2', state: 'done', report: report('m-2', { retryOf: 'm-1' }) }),
    ];
    const { exitCode, stdout, stderr } = await run(
      'migrate',
      'job',
      '--to',
      'vm-a',
      '--retries',
      '3',
      '--json',
    );
    assert.equal(exitCode, 0);
    assert.match(stderr, /trying again, as m-2: the stream broke/);
    assert.match(stdout, /^\{\n {2}"id": "m-2"/);
    assert.equal(controller.migrateRequest?.retries, 3);
  });
});
