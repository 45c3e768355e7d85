/**
 * Ctrl-C in the experiment. In the last part the controller is a real gRPC server, and the migration is followed as the
 * command line does.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { PassThrough } from 'node:stream';

import type { BenchTools } from '../../cli/bench/bench-tools.js';
import { Controller } from '../../cli/controller.js';
import { migrate, wireModes } from '../../cli/migrate/migrate.js';
import { Output } from '../../cli/output.js';
import type { MigrationReport } from '../../cli/report/migration-report.js';
import { systemClock } from '../../libraries/process/index.js';
import { sampleBenchMigration } from '../support/sample-bench.js';
import { ScriptedController } from '../support/scripted-controller.js';
import { benchPlan, ScriptedBench } from './support/scripted-bench.js';

describe('the experiment on Ctrl-C', function () {
  this.timeout(20_000);
  let bench: ScriptedBench;

  beforeEach(async () => {
    bench = await ScriptedBench.start();
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  it('stops while it starts a container', async () => {
    const startWorkload = (): Promise<never> => {
      bench.interrupt();
      return Promise.reject(bench.stopping.signal.reason as Error);
    };
    await assert.rejects(bench.run(benchPlan(), { startWorkload }), { code: 'cancelled' });
    assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
    assert.deepEqual(bench.notes.slice(-1), ['stopping: cleaning up first']);
  });

  it('stops while it measures the floor, which is no failure of the floor', async () => {
    const measureFloor = (): Promise<never> => {
      bench.interrupt();
      return Promise.reject(new Error('killed'));
    };
    await assert.rejects(bench.run(benchPlan(), { measureFloor }), { code: 'cancelled' });
    assert.deepEqual(bench.recorder.shortcomings, []);
    assert.equal(bench.recorder.file().migrations.length, 8);
  });

  describe('during a migration', () => {
    let controller: ScriptedController;
    beforeEach(async () => {
      controller = await ScriptedController.start();
    });
    afterEach(() => controller[Symbol.asyncDispose]());

    /** Runs it with one migration that is interrupted and then ends like this. */
    const interrupted = async (ending: Partial<MigrationReport>): Promise<void> => {
      const cell = { memoryBytes: 1024, writeBytesPerSecond: 0 };
      const sample = sampleBenchMigration(cell, { mode: 'criu', repetition: 1, warmUp: true });
      controller.migrateEvents = async function* (cancelled) {
        yield { id: 'm1', state: 'precopy', kind: 'transition', text: 'sending', at: '' };
        bench.interrupt();
        await cancelled;
        yield {
          id: 'm1',
          state: 'over',
          text: '',
          at: '',
          report: JSON.stringify({ ...sample, ...ending }),
        };
      };
      const output = new Output({ json: false, verbose: false }, new PassThrough(), new PassThrough());
      const place = {
        runtimeFolder: bench.folder,
        logFolder: bench.folder,
        namespace: undefined,
        certificates: undefined,
        metrics: '',
      };
      using client = new Controller(controller.address, controller.operator);
      const real: Partial<BenchTools> = {
        migrate: ({ mode, ...request }) =>
          migrate({ output, clock: systemClock, interrupts: bench.stopping.interrupts }, client, place, {
            ...request,
            mode: wireModes[mode],
          }),
      };
      await assert.rejects(bench.run(benchPlan(), real), {
        code: 'cancelled',
        message: 'stopped on request before everything had run',
      });
      assert.ok(controller.calls.includes('CancelMigration'));
      assert.deepEqual(bench.calls.slice(-2), ['stop client of bench', 'stop bench']);
    };

    it('has that one rolled back, and stops with what there is', async () => {
      await interrupted({ outcome: 'rolled-back' });
      assert.deepEqual(await bench.recorder.finish(), [
        path.join(bench.folder, 'bench.json'),
        path.join(bench.folder, 'bench.html'),
      ]);
      assert.deepEqual(
        (await bench.written()).migrations.map(({ outcome }) => outcome),
        ['rolled-back'],
      );
    });

    it('stops, too, where that came too late', async () => {
      await interrupted({ outcome: 'completed' });
      assert.equal(bench.recorder.file().migrations.length, 1);
    });
  });
});
