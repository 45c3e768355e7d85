/**
 * The one error class of the project.
 *
 * `message` is a single line that names the thing, what is wrong with its values and the way out; `details` is
 * what only `--verbose` shows (a log's tail, a command's stderr).
 */
import { errorCodes, type ErrorCode } from './codes.js';

export interface ErrorContext {
  readonly details?: string | undefined;
  readonly cause?: unknown;
}

export class PortkeyError extends Error {
  readonly details: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    context: ErrorContext = {},
  ) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), context.cause === undefined ? {} : { cause: context.cause });
    this.name = 'PortkeyError';
    this.details = context.details;
  }

  get exitCode(): 1 | 2 | 3 {
    return errorCodes[this.code].exitCode;
  }
}

/** Anything thrown, as a PortkeyError: a file system without room is `disk-full`, what else is not one already `internal`. */
export function asPortkeyError(thrown: unknown): PortkeyError {
  if (thrown instanceof PortkeyError) return thrown;
  if (!(thrown instanceof Error)) return new PortkeyError('internal', String(thrown), { cause: thrown });
  const context = { cause: thrown, details: thrown.stack };
  const { message } = thrown;
  if (!('code' in thrown && thrown.code === 'ENOSPC')) return new PortkeyError('internal', message, context);
  // Node names the file in its message where it knows it (errors.js, uvException).
  const full = `no room is left on the file system, or no inodes (${message}): make room there, then try again`;
  return new PortkeyError('disk-full', full, context);
}
