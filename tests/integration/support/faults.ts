/**
 * What a scripted agent does wrong, call by call.
 */
import type { ErrorCode } from '../../../libraries/errors/index.js';

export interface Fault {
  /** fail: answers an error. hang: never answers. die: the process ends, and is back after `backAfterMs`. */
  readonly kind: 'fail' | 'hang' | 'die';
  /** Before the call has done anything, or after all of it, so that only the answer is lost. */
  readonly when: 'before' | 'after';
  /** How often; then the call works. */
  readonly times: number;
  readonly code?: ErrorCode;
  readonly message?: string;
  readonly backAfterMs?: number;
}

export class Faults {
  private readonly planned = new Map<string, Fault>();

  plan(method: string, fault: Partial<Fault> & Pick<Fault, 'kind'>): void {
    this.planned.set(method, { when: 'before', times: 1, ...fault });
  }

  /** The fault that strikes now, if any; it counts as used. */
  take(method: string, when: Fault['when']): Fault | undefined {
    const fault = this.planned.get(method);
    if (fault?.when !== when) return undefined;
    if (fault.times > 1) this.planned.set(method, { ...fault, times: fault.times - 1 });
    else this.planned.delete(method);
    return fault;
  }
}
