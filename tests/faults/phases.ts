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

/** The ways that each part can fail in, and when. */
export function faultsOfPart(part: Part): { readonly kind: Kind; readonly phases: readonly Phase[] }[] {
  switch (part) {
    case 'disk of the source':
    case 'disk of the destination':
      return [{ kind: 'fill', phases }];
    case 'landing of the destination':
    case 'memory of the source':
      return [{ kind: 'fill', phases: until('landed') }];
    case 'memory of the destination':
      return [{ kind: 'fill', phases: until('committed') }];
    case 'clock of the source':
    case 'clock of the destination':
      return [{ kind: 'step', phases }];
    default:
      return (['kill', 'stop', 'cut'] as const).map((kind) => ({ kind, phases }));
  }
}

/** After that, nothing more is wanted of what is full, or it is the container's own matter. */
function until(last: Phase): readonly Phase[] {
  return phases.slice(0, phases.indexOf(last) + 1);
}
