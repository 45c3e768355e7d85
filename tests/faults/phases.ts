/** The states of a migration at which faults are made (services/controller/state/states.ts), and which are made at which. */
import type { Kind, Part } from './parts.js';

export const phases = [
  'preflight',
  'precopy',
  'frozen',
  'dumped',
  'landed',
  'restored',
  'committed',
  'activated',
  'done',
  'aborted',
] as const;

export type Phase = (typeof phases)[number];

/** After this, what is full at the destination is the container's own matter. */
const lastBeforeRestore: Phase = 'landed';

/** The ways that each part can fail in, and when. */
export function faultsOfPart(part: Part): { readonly kind: Kind; readonly phases: readonly Phase[] }[] {
  switch (part) {
    case 'landing of the destination':
      return [{ kind: 'fill', phases: ['preflight'] }];
    case 'disk of the destination':
    case 'memory of the destination':
      return [{ kind: 'fill', phases: phases.slice(0, phases.indexOf(lastBeforeRestore) + 1) }];
    case 'clock of the source':
    case 'clock of the destination':
      return [{ kind: 'step', phases }];
    default:
      return (['kill', 'stop', 'cut'] as const).map((kind) => ({ kind, phases }));
  }
}
