/** What was found out about one VM. */
import type { PortkeyError } from '../../../libraries/errors/index.js';
import type { AttachedVm, HostInfo, NodeInfo } from '../../../libraries/rpc/index.js';
import type { Vm } from '../vms/vm.js';

/** An answer, or why there is none. */
export type Answer<T> = { readonly value: T } | { readonly error: PortkeyError };

export interface Findings {
  readonly vm: Vm;
  readonly checkpoint: Answer<NodeInfo>;
  readonly restore: Answer<NodeInfo>;
  readonly host: Answer<HostInfo>;
  /** Undefined where the relay does not answer or was not given this VM. */
  readonly attached: AttachedVm | undefined;
}

/** The checkpoint service's view, which knows of the hypercall channel that a migration needs, else the other's. */
export function nodeOf({ checkpoint, restore }: Findings): NodeInfo | undefined {
  if ('value' in checkpoint) return checkpoint.value;
  return 'value' in restore ? restore.value : undefined;
}
