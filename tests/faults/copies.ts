/**
 * Which copies of a container run, asked of each VM itself: what counts is what runs, not what anybody believes.
 *
 * A copy runs if any of its tasks may: its cgroup is not frozen, and the task not stopped, as those of a restored copy are before
 * the commit. A VM that does not answer says nothing, and so fails the question, or two copies could hide in it. One that stands
 * still or is dead is not to be asked: nothing runs in there.
 */
import type { Guests } from './guests.js';

export type CopyState = 'running' | 'still' | 'none';

/** PF_EXITING of a task's flags, field 9 of /proc/PID/stat (proc(5)), and SIGKILL among what is pending, field 31. */
const exiting = 4;
const killed = 256;

/**
 * Shell functions that start no process: under emulation each costs as much as all else here. A task that was stopped and is
 * being killed is in state R until it is gone, and executes nothing of its own any more: SIGKILL is pending, then it is exiting.
 * Looked at twice, since it may get from one to the other in between.
 */
export const copyFunctions = `
runs() {
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  set -- \${stat##*) }
  case $1 in [RSD]) [ $(($7 & ${exiting})) = 0 ] && [ $((\${29} & ${killed})) = 0 ] ;; *) return 1 ;; esac
}
has_tasks() {
  read -r first 2>/dev/null <"/sys/fs/cgroup/portkey/$1/cgroup.procs"
}
is_frozen() {
  while read -r key value; do [ "$key $value" != 'frozen 0' ] || return 1; done <"/sys/fs/cgroup/portkey/$1/cgroup.events"
}
look_at_copy() {
  state=none
  has_tasks "$1" || return 0
  state=still
  is_frozen "$1" || while read -r task; do
    runs "$task" && runs "$task" && state=running
  done <"/sys/fs/cgroup/portkey/$1/cgroup.procs"
}`;

/** Throws where the VM does not answer. */
export async function copyIn(guests: Guests, vm: string, container: string): Promise<CopyState> {
  const said = (await guests.ask(vm, `${copyFunctions}\nlook_at_copy ${container}; echo $state`)).trim();
  const state = (['running', 'still', 'none'] as const).find((each) => each === said);
  if (state === undefined) throw new Error(`${vm} says of its copy: '${said}'`);
  return state;
}

/** Names of the VMs in which one runs. Throws where one of them does not answer. */
export async function runningCopies(
  guests: Guests,
  vms: readonly string[],
  container: string,
): Promise<string[]> {
  const states = await Promise.all(vms.map((vm) => copyIn(guests, vm, container)));
  return vms.filter((_vm, index) => states[index] === 'running');
}

/** Counts again and again, and keeps what is worth telling. */
export class CopyCount {
  private readonly problems = new Set<string>();
  most = 0;

  constructor(
    private readonly guests: Guests,
    private readonly container: string,
  ) {}

  /** `vms`: those that can be asked. */
  async count(vms: readonly string[]): Promise<void> {
    const states = await Promise.all(vms.map((vm) => this.ask(vm)));
    this.saw(states.filter((state) => state === 'running').length);
  }

  saw(running: number): void {
    this.most = Math.max(this.most, running);
  }

  get findings(): string[] {
    return [...this.problems, ...(this.most > 1 ? [`${this.most} copies ran at once`] : [])];
  }

  private async ask(vm: string): Promise<CopyState | undefined> {
    try {
      return await copyIn(this.guests, vm, this.container);
    } catch (error) {
      this.problems.add(`${vm} did not say whether a copy runs there: ${firstLine(error)}`);
      return undefined;
    }
  }
}

function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line;
}
