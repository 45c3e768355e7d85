/**
 * libc, opened once. Every file in this folder wraps one idea of it; nothing else in the project imports koffi.
 *
 * koffi does not check pointers: a wrong address or length is a crash of the process, not an exception. So each
 * unsafe call says in a SAFETY comment why its arguments are right. Pointers and sizes are bigint here.
 */
import koffi from 'koffi';

import { PortkeyError } from '../errors/index.js';

export const libc = koffi.load('libc.so.6');

/** The last call's errno, as a name ("ENOENT"), for messages. */
export function errnoName(): string {
  const number = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}

export function libcError(call: string, subject: string): PortkeyError {
  return new PortkeyError('internal', `${call} of ${subject} failed: ${errnoName()}`);
}
