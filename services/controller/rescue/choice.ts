/**
 * Which copy of a container may be kept, and what that means. Pure.
 *
 *     state        claimed by a migration, at its source   at its destination                  not claimed
 *     running      may be kept, and no other               may be kept, and no other           may be kept, and no other
 *     paused       may be kept                             –                                   may be kept, and no other
 *     restored     –                                       may be kept                         –
 *     created      –                                       no: not restored, or not wholly     –
 *     stopped      no: no task is left                     no: no task is left                 no: no task is left
 *
 * A copy that no migration has claimed is nobody's to hold still, so whatever tasks it has may run at any time.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { Claim } from '../../../libraries/rpc/index.js';

export interface FoundCopy {
  readonly vm: string;
  /** As in the message Container. */
  readonly state: string;
  readonly claim: Claim | null;
}

/** The copy on the VM `keep`. Throws `container-unknown` where it has none, `choice-refused`. */
export function choose<C extends FoundCopy>(container: string, copies: readonly C[], keep: string): C {
  const kept = copies.find(({ vm }) => vm === keep);
  if (kept === undefined) {
    const vms = copies.map(({ vm }) => vm).join(', ');
    throw new PortkeyError(
      'container-unknown',
      `${keep} has no copy of container '${container}'; there is one on ${vms}`,
    );
  }
  const hindrance = hindranceOf(kept, copies);
  if (hindrance === undefined) return kept;
  throw new PortkeyError(
    'choice-refused',
    `the copy of container '${container}' on ${keep} cannot be kept: ${hindrance}; see: portkey rescue ${container}`,
  );
}

/** Why the copy cannot be kept; undefined where it can. */
export function hindranceOf(copy: FoundCopy, copies: readonly FoundCopy[]): string | undefined {
  const running = copies.filter((other) => other !== copy && mayRun(other)).map(({ vm }) => vm);
  if (running.length > 0) return `the one on ${running.join(', ')} runs, keep that`;
  if (copy.state === 'created') return 'it was not restored, or not wholly';
  if (copy.state === 'stopped') return 'no task of it is left';
  return undefined;
}

/** What becomes of the container if this copy, which can be kept, is. */
export function keeping(copy: FoundCopy, copies: readonly FoundCopy[]): string {
  const others = copies.filter((other) => other !== copy);
  const ran = others.filter(({ state, claim }) => state === 'stopped' && claim?.side !== 'SIDE_SOURCE');
  const removed = others.map(({ vm }) => `the copy on ${vm} is removed`);
  const lost = ran.map(({ vm }) => `what it did on ${vm} since is lost`);
  return [whatItDoes(copy), ...lost, ...removed].join('; ');
}

function whatItDoes(copy: FoundCopy): string {
  if (copy.claim === null && copy.state === 'paused')
    return 'it stays paused, which no migration did: whoever did has to resume it';
  return mayRun(copy) ? 'it goes on' : 'it runs from where it was frozen';
}

function mayRun({ state, claim }: FoundCopy): boolean {
  return state === 'running' || (claim === null && state !== 'stopped');
}
