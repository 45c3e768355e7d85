/**
 * What the relay asks QEMU about a VM: how its RAM lies in the RAM file, and what runs it.
 *
 * The memory backend is found by the file it maps; it must be shared, or guest and relay would see different
 * bytes as soon as the guest writes.
 */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { withQmp, type QmpClient } from '../../../libraries/qemu/index.js';
import { RamMap } from '../ram/ram-map.js';
import { sectionsOf } from './flat-view.js';

const backends = z.array(z.object({ id: z.string(), share: z.boolean() }));
const kvm = z.object({ enabled: z.boolean() });
const version = z.object({
  qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
});

export interface Machine {
  readonly accelerator: 'kvm' | 'tcg';
  readonly qemuVersion: string;
}

export function readMachine(qmpSocket: string): Promise<Machine> {
  return withQmp(qmpSocket, async (qmp) => {
    const { enabled } = await answer(qmp, kvm, 'query-kvm');
    const { qemu } = await answer(qmp, version, 'query-version');
    return {
      accelerator: enabled ? 'kvm' : 'tcg',
      qemuVersion: `${qemu.major}.${qemu.minor}.${qemu.micro}`,
    };
  });
}

/** Throws `ram-not-shared` where no shared memory backend of this VM is the RAM file. */
export function readRamMap(vm: string, qmpSocket: string, ramFile: string): Promise<RamMap> {
  return withQmp(qmpSocket, async (qmp) => {
    const id = await sharedBackend(qmp, vm, ramFile);
    const text = await answer(qmp, z.string(), 'human-monitor-command', { 'command-line': 'info mtree -f' });
    for (const region of [id, `/objects/${id}`]) {
      const sections = sectionsOf(text, region);
      if (sections.length > 0) return new RamMap(sections);
    }
    throw notShared(
      vm,
      `its memory backend ${id} is not the machine's RAM; name it with -machine memory-backend=${id}`,
    );
  });
}

async function sharedBackend(qmp: QmpClient, vm: string, ramFile: string): Promise<string> {
  for (const { id, share } of await answer(qmp, backends, 'query-memdev')) {
    const file = await qmp
      .execute('qom-get', { path: `/objects/${id}`, property: 'mem-path' })
      .catch(() => undefined);
    if (file !== ramFile) continue;
    if (share) return id;
    throw notShared(vm, `its memory backend ${id} is not shared; start it with share=on`);
  }
  throw notShared(
    vm,
    `none of its memory backends is ${ramFile}; start it with -object memory-backend-file,share=on,mem-path=${ramFile}`,
  );
}

function notShared(vm: string, problem: string): PortkeyError {
  return new PortkeyError('ram-not-shared', `the RAM of ${vm} cannot be read by this host: ${problem}`);
}

async function answer<T>(
  qmp: QmpClient,
  shape: z.ZodType<T>,
  command: string,
  args?: Record<string, unknown>,
): Promise<T> {
  const parsed = shape.safeParse(await qmp.execute(command, args));
  if (parsed.success) return parsed.data;
  throw new PortkeyError('service-unavailable', `QEMU answered ${command} in a way that is not known here`);
}
