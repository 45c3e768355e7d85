/**
 * PortkeyError ↔ gRPC status: the one place that maps them, in both directions.
 *
 * The error's own code travels in the trailer `portkey-code`, its message as the status details, so that a
 * client sees the same error that the service raised. A status without that trailer comes from gRPC itself:
 * the peer is gone, or the deadline passed.
 */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';

import { asPortkeyError, errorCodes, isErrorCode, PortkeyError } from '../errors/index.js';

const codeTrailer = 'portkey-code';
const detailsTrailer = 'portkey-details-bin';

/** Trailers are header data: gRPC implementations refuse more than 8 KiB of it. */
const detailsLimitBytes = 4096;
const messageLimit = 2048;

export interface StatusError {
  code: status;
  details: string;
  metadata: Metadata;
}

export function toStatus(thrown: unknown): StatusError {
  const error = asPortkeyError(thrown);
  const metadata = new Metadata();
  metadata.set(codeTrailer, error.code);
  if (error.details !== undefined) {
    metadata.set(detailsTrailer, Buffer.from(error.details).subarray(-detailsLimitBytes));
  }
  return { code: errorCodes[error.code].grpc, details: sendable(error.message), metadata };
}

/**
 * A message names what a caller sent, so it may hold anything, at any length. grpc-js encodes it as a URI, and throws where half
 * of a surrogate pair is left of a character.
 */
function sendable(message: string): string {
  const short = message.length > messageLimit ? `${message.slice(0, messageLimit)}…` : message;
  return short.toWellFormed();
}

/** `peer` names the other side for people: "restore service of vm-b at 10.77.0.12:7412". */
export function fromStatus(thrown: unknown, peer: string): PortkeyError {
  if (!isServiceError(thrown)) return asPortkeyError(thrown);
  const code = thrown.metadata.get(codeTrailer)[0];
  if (typeof code === 'string' && isErrorCode(code)) {
    const details = thrown.metadata.get(detailsTrailer)[0];
    return new PortkeyError(code, thrown.details, {
      cause: thrown,
      details: Buffer.isBuffer(details) ? details.toString() : undefined,
    });
  }
  switch (thrown.code) {
    case status.UNAVAILABLE:
      return new PortkeyError('service-unavailable', `${peer} ${whyUnavailable(thrown.details)}`, {
        cause: thrown,
        details: thrown.details,
      });
    case status.DEADLINE_EXCEEDED:
      return new PortkeyError('deadline-exceeded', `${peer} did not answer in time`, {
        cause: thrown,
        details: thrown.details,
      });
    case status.CANCELLED:
      return new PortkeyError('cancelled', `the call to ${peer} was cancelled`, { cause: thrown });
    default:
      return new PortkeyError('internal', `${peer}: ${thrown.details}`, { cause: thrown });
  }
}

/**
 * Of grpc-js' own words: "No connection established. Last error: Error: certificate has expired. Resolution note: ". What a
 * server does not accept it tells its client by an alert, if at all, so that looks like nobody.
 */
function whyUnavailable(details: string): string {
  const reason = /Last error: Error: (.*?)\.? Resolution note/s.exec(details)?.[1]?.trim() ?? '';
  const isOfOurs = reason.includes('alert');
  if (!isOfOurs && reason.includes('certificate'))
    return `shows a certificate that is not accepted here: ${reason}`;
  if (!isOfOurs && reason.includes('wrong version number'))
    return 'speaks without certificates, which is not accepted here';
  return 'does not answer; is it running?';
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    'details' in thrown &&
    'metadata' in thrown &&
    thrown.metadata instanceof Metadata
  );
}
