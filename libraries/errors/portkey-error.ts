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

/** Anything thrown, as a PortkeyError: what is not one already becomes `internal`. */
export function asPortkeyError(thrown: unknown): PortkeyError {
  if (thrown instanceof PortkeyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return new PortkeyError('internal', message, { cause: thrown, details: stack });
}
