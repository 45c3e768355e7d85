/** QEMU's migrations of a VM like the test bed's, to and fro, each with what the client outside found afterwards. */
import { realTools } from '../../testbed/tools.js';
import { WholeVm, type TestbedState } from '../../testbed/index.js';
import type { Cli } from '../cli.js';
import { EvidenceGatherer } from '../migrate/evidence.js';
import { workloadPlaceOf } from '../workload-place.js';
import type { Cell } from './plan.js';
import type { WholeVmMigration } from './whole-vm.js';

/** Throws what `WholeVm` throws. The VM is gone on return, also where the caller wants no more. */
export async function* wholeVmMigrations(
  { places, output, clock }: Pick<Cli, 'places' | 'output' | 'clock'>,
  { vmMemoryBytes, accel }: TestbedState,
  cell: Cell,
  count: number,
  signal: AbortSignal,
): AsyncGenerator<WholeVmMigration> {
  const note = (line: string): void => output.note(line);
  const clients = workloadPlaceOf(places);
  const request = { ...cell, vmMemoryBytes, accelerator: accel };
  await using vm = await WholeVm.start(request, places, clients, realTools(places.runtime, note, signal));
  for (let repetition = 1; repetition <= count; repetition += 1) {
    using evidence = await EvidenceGatherer.begin(clients, vm.workload, clock, note);
    const migration = await vm.migrate();
    const { verified, connectionKept, clientPauseSeconds } = await evidence.finish();
    yield { ...cell, vmMemoryBytes, repetition, ...migration, verified, connectionKept, clientPauseSeconds };
  }
}
