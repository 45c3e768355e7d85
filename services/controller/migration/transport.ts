/**
 * How a container's pages get from one VM to the other: the one thing in which the modes differ.
 *
 * The phases call these in the order in which they stand here; each mode does what it must and nothing else.
 */
import type { LandingSealed, PageServer } from '../../../libraries/rpc/index.js';
import type { MigrationMode } from '../state/index.js';
import type { Vm } from '../vms/vm.js';

export interface Landed {
  readonly sealed: LandingSealed;
  readonly imageBytes: number;
}

export interface Transport {
  readonly mode: MigrationMode;
  /** Whether the pages dirtied last travel in a round of their own, before CRIU's final dump, or in that dump. */
  readonly hasFrozenRound: boolean;
  /** The VMs whose relays the pages travel by. */
  readonly byRelaysOf: readonly Vm[];

  /** Makes room at the destination. Throws `no-room`. */
  reserve(): Promise<void>;
  /** Where the source service sends images itself: the address of the restore service; else empty. */
  readonly imagesTo: string;
  /** Joins the source to what was reserved. */
  connect(): Promise<void>;
  /** Who receives the pages of a CRIU dump, or null where none does; `last`: of the final dump. */
  pageServer(index: number, last: boolean): Promise<PageServer | null>;
  /** Returns when everything that was sent has landed; null where that is known already. */
  land(): Promise<Landed | null>;
  /** The folder to restore from, below the destination's landing mount; empty: the restore service knows. */
  readonly landingFolder: string;
}
