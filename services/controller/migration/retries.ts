/**
 * Trying again: a migration that was asked to (`retries`), did not complete, and left nothing behind is followed by another
 * one of the same container to the same VM, with an id of its own.
 *
 *     m-1 rolled back, retriedBy m-2 ──▶ m-2 pending, retryOf m-1 ──▶ …
 *
 * That there will be another try is part of the step that ends the one before: the record and the report name it, and the
 * container's lock goes from the one to the other, so that nobody comes in between. Then whoever works on the job of the
 * first records and queues the second, which may be done twice.
 *
 * Only a reason that may be gone by then is worth another try, and not a commit that was undone: what that may have lost, a
 * person should see first. A container that is not free for one, as it cannot even
 * begin, has no record to try again by; and what the user cancelled stays cancelled.
 */
import type { ErrorCode } from '../../../libraries/errors/index.js';
import type { Wish } from './migration.js';

/** Reasons that pass: somebody did not answer, broke off, or was restarted. */
export const transientCodes: readonly ErrorCode[] = [
  'service-unavailable',
  'deadline-exceeded',
  'agent-unavailable',
  'relay-unavailable',
  'no-hypercall-channel',
  'container-busy',
  'channel-closed',
  'session-unknown',
  'stream-broken',
  'state-store-unavailable',
];

export function mayPass(code: string): boolean {
  return transientCodes.some((transient) => transient === code);
}

/**
 * The id of the next try after `wish`: the first one's, and which try it is. So whoever ends a migration names the same one, also
 * where another had ended it before and could not say so in Redis, but to a client.
 */
export function nextTryId({ id, tries }: Wish): string {
  const number = `-${tries}`;
  const first = tries > 1 && id.endsWith(number) ? id.slice(0, -number.length) : id;
  return `${first}-${tries + 1}`;
}

/** The wish of the next try. */
export function nextWish(wish: Wish, id: string): Wish {
  return { ...wish, id, retries: wish.retries - 1, tries: wish.tries + 1 };
}

/** How long the next try after `wish` waits: `firstMs`, doubled each time. */
export function retryPauseMs(wish: Wish, firstMs: number): number {
  return firstMs * 2 ** (wish.tries - 1);
}

/** "try 2 of 3", of the try that `wish` is. */
export function tryText({ tries, retries }: Wish): string {
  return `try ${tries} of ${tries + retries}`;
}
