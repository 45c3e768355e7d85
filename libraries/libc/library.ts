/**
 * libc, opened once. Every file in this folder wraps one idea of it; nothing else in the project but libraries/openssl imports koffi.
 *
 * koffi does not check pointers: a wrong address or length is a crash of the process, not an exception. So each
 * unsafe call says in a SAFETY comment why its arguments are right. Pointers are bigint here; koffi returns 64-bit
 * integers as numbers where they fit.
 */
import koffi from 'koffi';

import { PortkeyError, type ErrorCode } from '../errors/index.js';

export const libc = koffi.load('libc.so.6');

/** The last call's errno, as a name ("ENOENT"), for messages. */
export function errnoName(): string {
  const number = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}

/** Whether the last call ended because of a signal, and may simply be made again. */
export function interrupted(): boolean {
  return koffi.errno() === koffi.os.errno.EINTR;
}

/** Whether the last call would have had to wait. */
export function wouldWait(): boolean {
  return koffi.errno() === koffi.os.errno.EAGAIN;
}

export function libcError(call: string, subject: string, code: ErrorCode = 'internal'): PortkeyError {
  const name = errnoName();
  return new PortkeyError(code, `${call} of ${subject} failed: ${name}`, { cause: { code: name } });
}

/** The errno's name behind an error of this folder or of Node's fs; undefined for any other. */
export function errorCodeOf(thrown: unknown): string | undefined {
  const source = thrown instanceof PortkeyError ? thrown.cause : thrown;
  if (typeof source !== 'object' || source === null || !('code' in source)) return undefined;
  return typeof source.code === 'string' ? source.code : undefined;
}

/**
 * Where a buffer's bytes are. They do not move as long as the buffer lives, if it is a view of an ArrayBuffer that
 * was allocated by itself (V8 may keep views of up to 64 bytes inside its own heap).
 */
export function bufferAddress(buffer: Buffer): bigint {
  return koffi.address(buffer);
}
