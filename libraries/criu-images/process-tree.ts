/**
 * `pstree.img`: the processes of a dump and their threads (CRIU: images/pstree.proto), all by their pids in the container.
 *
 * Whoever reads it reads a file for each thread. So each pid is one that Linux gives, and none is there twice: a short
 * list cannot have one file read without end. Nor are there more than `mostTasks`: what is kept of each is a hundred times
 * what it takes in the file.
 */
import { PortkeyError } from '../errors/index.js';
import { decodeImage, magic } from './image-file.js';
import { eachField } from './record-fields.js';

export interface TreeProcess {
  readonly pid: number;
  /** Its own number among them. */
  readonly threads: readonly number[];
}

const magics = [magic.common, magic.pstree];
/** PID_MAX_LIMIT of include/linux/threads.h. */
const maxPid = 2 ** 22;
/** Processes and threads, a process counted with its first thread. Four times what Linux gives a machine of less than 32 CPUs. */
const mostTasks = 2 ** 17;

/** pstree_entry {1: pid, 5: threads, one field each}. Throws `internal` where it is no such image. */
export function decodeProcessTree(name: string, content: Buffer): TreeProcess[] {
  const processes: TreeProcess[] = [];
  const [pids, tids] = [new Set<number>(), new Set<number>()];
  for (const record of decodeImage(name, content, magics)) {
    const threads: number[] = [];
    let pid = 0;
    eachField(name, record, (tag, reader) => {
      if (tag === 8) pid = reader.uint32();
      else if (tag === 40) threads.push(takeOnce(name, tids, reader.uint32()));
      else return false;
      return true;
    });
    processes.push({ pid: takeOnce(name, pids, pid), threads });
  }
  return processes;
}

function takeOnce(name: string, taken: Set<number>, pid: number): number {
  if (pid < 1 || pid > maxPid) throw new PortkeyError('internal', `${name} names ${pid}, which is no pid`);
  if (taken.has(pid)) throw new PortkeyError('internal', `${name} names ${pid} twice`);
  if (taken.size === mostTasks)
    throw new PortkeyError('internal', `${name} names more than ${mostTasks} processes and threads`);
  taken.add(pid);
  return pid;
}
