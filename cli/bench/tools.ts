/** The experiment's tools for real: containers through the controller, their clients and yardsticks on the test bed. */
import {
  isVirtualMachine,
  measureFloor,
  runtimeFolder,
  touchFreeMemory,
  type TestbedState,
} from '../../testbed/index.js';
import { stopWorkload } from '../../testbed/workload/index.js';
import type { Cli } from '../cli.js';
import type { Controller } from '../controller.js';
import { migrate, wireModes } from '../migrate/migrate.js';
import { workloadPlaceOf } from '../workload-place.js';
import { runWorkload } from '../workload/run.js';
import type { BenchTools } from './bench-tools.js';
import type { Stopping } from './stopping.js';
import { wholeVmMigrations } from './whole-vm-migrations.js';

export function benchTools(
  cli: Cli,
  controller: Controller,
  testbed: TestbedState,
  { signal, interrupts }: Stopping,
): BenchTools {
  const { clock, output } = cli;
  const place = workloadPlaceOf(cli.places);
  return {
    controller,
    clock,
    signal,
    note: (line) => output.note(line),
    startWorkload: (request) =>
      runWorkload(cli, controller, place, { ip: '', memoryLimitBytes: 0, ...request }, signal),
    stopClient: (container) => stopWorkload(place, container, clock),
    migrate: ({ mode, ...request }) =>
      migrate({ output, clock, interrupts }, controller, place, { ...request, mode: wireModes[mode] }),
    touchHostMemory: async () => {
      if (await isVirtualMachine()) await touchFreeMemory(runtimeFolder, signal);
    },
    measureFloor: (byteLength) => measureFloor(byteLength, signal),
    migrateWholeVm: (cell, count) => wholeVmMigrations(cli, testbed, cell, count, signal),
  };
}
