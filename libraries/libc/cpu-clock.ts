/**
 * CPU time that another process has used, all its threads together, ended ones included: its CPU-time clock.
 *
 * Unlike /proc/PID/stat it counts in nanoseconds. The clock's number is made of the pid as the kernel's
 * include/linux/posix-timers_types.h has it: (~pid << 3) | CPUCLOCK_SCHED.
 */
import { libc, errnoName, libcError } from './library.js';

const clockGettime = libc.func('int clock_gettime(int clock, void *time)') as (
  clock: number,
  time: Buffer,
) => number;

const CPUCLOCK_SCHED = 2;

/** Seconds of CPU, user and system; undefined where there is no such process. */
export function processCpuSeconds(pid: number): number | undefined {
  const time = Buffer.alloc(16);
  // SAFETY: struct timespec has 16 bytes.
  if (clockGettime((~pid << 3) | CPUCLOCK_SCHED, time) !== 0) {
    if (errnoName() === 'EINVAL' || errnoName() === 'ESRCH') return undefined;
    throw libcError('clock_gettime', `process ${pid}`);
  }
  return Number(time.readBigInt64LE(0)) + Number(time.readBigInt64LE(8)) / 1e9;
}
