/**
 * A container whose migration nobody can end any more, because its record is lost: one copy becomes the container, and
 * which one is for the operator to say. Nothing is concluded from what the copies look like but what cannot be.
 *
 *     lock ─▶ look ─▶ take over ─▶ look again ─▶ close sessions ─▶ the kept copy runs ─▶ the others are removed
 *             │        (epochs)         │
 *             └───────── refused ───────┘
 *
 * Goal: never two copies that run. A copy is told to run only when every VM has said that it has no other one that runs,
 * and has said so after its claim's epoch was raised: from then on an earlier controller's calls are refused there, and
 * those that were at work have ended. The lock keeps other rescues, and new migrations, away.
 * Each step may be repeated, and each looks at what is there, not at what a step before has done: a rescue that broke off
 * is asked for again. The sessions end before the last claim does, since the claims alone know the migration's id.
 * Refused is a migration that has a record, and one that this controller is at work on: they will be ended without this.
 *
 * Limits: a VM that does not answer may have a copy that runs, so it hinders every rescue until it is back, or is taken out
 * of the configuration. Where no copy can be kept, what is left of the container goes when its VM is started anew. Another
 * controller that still has such a migration in its memory is not asked: what it does is refused from the take-over on.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import type { Claim, MigrationRef, Rescue, RescueRequest } from '../../../libraries/rpc/index.js';
import { checkContainerName } from '../containers/name.js';
import type { Limits } from '../limits.js';
import { closeSession } from '../migration/close-session.js';
import type { Migrations } from '../migration/migrations.js';
import type { ContainerLocks } from '../state/index.js';
import { needed } from '../vms/reachable.js';
import type { Vm } from '../vms/vm.js';
import type { Vms } from '../vms/vms.js';
import { choose, hindranceOf, keeping, type FoundCopy } from './choice.js';

interface Copy extends FoundCopy {
  readonly at: Vm;
  readonly migrationState: string;
}

interface Claimed extends Copy {
  readonly claim: Claim;
}

/** One thing to remove, with what is left behind if that fails. */
interface Removal {
  readonly leaves: string;
  readonly done: Promise<unknown>;
}

export class Rescuer {
  constructor(
    private readonly vms: Vms,
    private readonly locks: ContainerLocks,
    private readonly migrations: Pick<Migrations, 'standingOf'>,
    private readonly limits: Limits,
  ) {}

  /**
   * Only looks where nothing is to be kept. Throws `vm-unknown`, `container-unknown`, `container-busy`, `agent-unavailable`,
   * `nothing-to-rescue`, `choice-refused`, `state-store-unavailable`.
   */
  async rescue({ container, keep }: RescueRequest): Promise<Rescue> {
    checkContainerName(container);
    if (keep === '') return { copies: asMessages(await this.look(container)), left: [] };
    this.vms.get(keep);
    return this.locks.hold('rescue', container, (leftMs) => this.rescueNow(container, keep, leftMs));
  }

  private async rescueNow(container: string, keep: string, leftMs: () => number): Promise<Rescue> {
    const found = await this.look(container);
    choose(container, found, keep);
    const epoch = 1 + Math.max(...found.filter(isClaimed).map(({ claim }) => claim.epoch));
    const ref = ({ claim: { migrationId } }: Claimed): MigrationRef => ({ migrationId, epoch, container });
    await Promise.all(found.filter(isClaimed).map((copy) => this.takeOver(copy, ref(copy))));
    const copies = await this.look(container);
    const kept = choose(container, copies, keep);
    const left = await this.closeSessions(copies);
    requireTime(container, leftMs());
    if (isClaimed(kept)) await this.run(kept, ref(kept));
    requireTime(container, leftMs());
    const others = copies.filter((copy) => copy !== kept);
    const removals = [
      ...(isClaimed(kept) ? this.releases(kept, ref(kept)) : []),
      ...others.map((copy) => this.removal(copy, container, isClaimed(copy) ? ref(copy) : undefined)),
    ];
    return { copies: asMessages(copies), left: [...left, ...(await failures(removals))] };
  }

  /** All copies, of which a migration that nobody will end has at least one. */
  private async look(container: string): Promise<Copy[]> {
    const { placed, silent } = await this.vms.census();
    if (silent[0] !== undefined) {
      const names = silent.map(({ vm }) => vm.name).join(', ');
      throw new PortkeyError(
        'agent-unavailable',
        `${names} may have a copy of container '${container}' that runs, and does not answer: start it, or take it out of ` +
          "the controller's configuration if it is gone for good",
        { cause: silent[0].error, details: silent[0].error.details },
      );
    }
    const mine = placed.filter((place) => place.container.name === container);
    if (mine.length === 0)
      throw new PortkeyError('container-unknown', `no VM has a container '${container}'`);
    const copies = await Promise.all(
      mine.map(async ({ vm, container: { state, claim } }): Promise<Copy> => {
        const migrationState = claim === null ? '' : await this.stateOf(container, claim.migrationId);
        return { vm: vm.name, at: vm, state, claim, migrationState };
      }),
    );
    if (copies.some(isClaimed)) return copies;
    throw new PortkeyError(
      'nothing-to-rescue',
      `no migration has claimed container '${container}' (${mine.map(({ vm, container: { state } }) => `${state} on ${vm.name}`).join(', ')}); there is nothing to rescue`,
    );
  }

  /** Throws `container-busy` where the migration will be ended without this. */
  private async stateOf(container: string, migrationId: string): Promise<string> {
    const { state, willBeEnded } = await this.migrations.standingOf(migrationId);
    if (!willBeEnded) return state;
    throw new PortkeyError(
      'container-busy',
      `migration ${migrationId} of container '${container}' is not lost (${state}): the controller ends it; ` +
        `follow it with: portkey watch ${migrationId}`,
    );
  }

  private async takeOver({ at, claim }: Claimed, ref: MigrationRef): Promise<void> {
    const options = { deadlineMs: this.limits.undoCallMs };
    const call =
      claim.side === 'SIDE_SOURCE'
        ? at.checkpoint.call('TakeOver', ref, options)
        : at.restore.call('TakeOver', ref, options);
    await needed(call, 'agent-unavailable');
  }

  private async run({ at, claim }: Claimed, ref: MigrationRef): Promise<void> {
    const options = { deadlineMs: this.limits.undoCallMs };
    if (claim.side === 'SIDE_SOURCE') await at.checkpoint.call('Rollback', ref, options);
    else await at.restore.call('Activate', ref, options);
  }

  private releases({ at, claim }: Claimed, ref: MigrationRef): Removal[] {
    if (claim.side === 'SIDE_SOURCE') return [];
    const done = at.restore.call('Release', ref, { deadlineMs: this.limits.undoCallMs });
    return [{ leaves: `the landed images and the claim on ${at.name}`, done }];
  }

  private removal({ at, claim }: Copy, container: string, ref: MigrationRef | undefined): Removal {
    const options = { deadlineMs: this.limits.undoCallMs };
    const leaves = `the copy on ${at.name}`;
    if (ref === undefined) return { leaves, done: at.containers.call('Stop', { name: container }, options) };
    if (claim?.side === 'SIDE_SOURCE') return { leaves, done: at.checkpoint.call('Finish', ref, options) };
    return { leaves, done: at.restore.call('Discard', ref, options) };
  }

  /** A VM whose copy is gone already may still have its session; but only those with one are told of. */
  private async closeSessions(copies: readonly Copy[]): Promise<string[]> {
    const ids = new Set(copies.filter(isClaimed).map(({ claim }) => claim.migrationId));
    const closings = [...ids].flatMap((migrationId) =>
      this.vms.all.map((at) => ({
        at,
        leaves: `the session of ${migrationId} on ${at.host}, and its folders`,
        done: closeSession(at, migrationId, this.limits.questionMs),
      })),
    );
    const told = closings.filter(({ at }) => copies.some((copy) => copy.at === at));
    const [left] = await Promise.all([failures(told), Promise.allSettled(closings.map(({ done }) => done))]);
    return left;
  }
}

/** From then on another rescue may have begun, whose copy is the container now; and a copy without a claim has no epoch. */
function requireTime(container: string, leftMs: number): void {
  if (leftMs > 0) return;
  throw new PortkeyError(
    'container-busy',
    `container '${container}' was not rescued to its end, because getting that far took this controller too long: look again ` +
      `with: portkey rescue ${container}`,
  );
}

async function failures(removals: readonly Removal[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(removals.map(({ done }) => done));
  return outcomes.flatMap((outcome, at) => {
    if (outcome.status === 'fulfilled') return [];
    return [`${removals[at]?.leaves ?? ''}: ${asPortkeyError(outcome.reason).message}`];
  });
}

function isClaimed(copy: Copy): copy is Claimed {
  return copy.claim !== null;
}

function asMessages(copies: readonly Copy[]): Rescue['copies'] {
  return copies.map((copy) => {
    const { vm, state, claim, migrationState } = copy;
    const hindrance = hindranceOf(copy, copies);
    const means = hindrance === undefined ? keeping(copy, copies) : '';
    return { vm, state, claim, migrationState, keeping: means, hindrance: hindrance ?? '' };
  });
}
