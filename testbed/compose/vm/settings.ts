/** What compose.yaml says of one VM, by its environment. */
import { z } from 'zod';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { parseBitRate, parseBytes } from '../../../libraries/units/index.js';
import { maximumVms, type VmPlace } from '../../topology.js';
import { readEnvironment, wholeNumberText } from '../command.js';
import { composeTopology } from '../places.js';

const environment = z.object({
  /** vm-a, vm-b, … */
  PORTKEY_VM: z.string(),
  PORTKEY_VM_MEMORY: z.string().default('1G'),
  /** How many VMs the bed has, all of which want their memory at about the same time. */
  PORTKEY_VMS: wholeNumberText(2, maximumVms).default(2),
  PORTKEY_ACCEL: z.enum(['auto', 'kvm', 'tcg']).default('tcg'),
  /** As `tc` writes it, or "unlimited". */
  PORTKEY_LINK: z.string().default('10gbit'),
});

export type VmSettings = z.infer<typeof environment>;

const smallestBytes = 512 * 2 ** 20;

/** Throws `invalid-argument`. */
export function readVmSettings(env: NodeJS.ProcessEnv): VmSettings {
  return readEnvironment(environment, env);
}

/** Throws `invalid-argument` for a name that no VM has. */
export function vmOf({ PORTKEY_VM: name }: VmSettings): VmPlace {
  const { vms } = composeTopology(maximumVms);
  const vm = vms.find((each) => each.name === name);
  if (vm !== undefined) return vm;
  throw new PortkeyError(
    'invalid-argument',
    `PORTKEY_VM is '${name}'; VMs are vm-a to ${vms.at(-1)?.name ?? ''}`,
  );
}

/** Bits a second; undefined for no limit. Throws `invalid-argument`. */
export function linkOf({ PORTKEY_LINK: link }: VmSettings): number | undefined {
  return link === 'unlimited' ? undefined : parseBitRate(link) * 8;
}

/** Throws `invalid-argument`. */
export function memoryBytesOf({ PORTKEY_VM_MEMORY: text }: VmSettings): number {
  const bytes = parseBytes(text);
  if (bytes % 2 ** 20 === 0 && bytes >= smallestBytes) return bytes;
  throw new PortkeyError(
    'invalid-argument',
    `PORTKEY_VM_MEMORY is '${text}'; a VM has at least 512M, in whole MiB`,
  );
}
