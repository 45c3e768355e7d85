/**
 * The closed set of error codes, grouped by the operation that raises them.
 *
 * Each code is stable: scripts may test for it. `grpc` is the status it travels under, `exitCode` what the
 * command line ends with: 1 failed or rolled back, 2 wrong usage, 3 refused before anything was touched.
 * Only gRPC's constants are imported: a worker thread starts in a third of the time without the rest.
 */
import { Status as status } from '@grpc/grpc-js/build/src/constants.js';

interface CodeMeaning {
  readonly grpc: status;
  readonly exitCode: 1 | 2 | 3;
}

const refused = (grpc: status): CodeMeaning => ({ grpc, exitCode: 3 });
const failed = (grpc: status): CodeMeaning => ({ grpc, exitCode: 1 });

export const errorCodes = {
  // any operation
  'invalid-argument': { grpc: status.INVALID_ARGUMENT, exitCode: 2 },
  'service-unavailable': failed(status.UNAVAILABLE),
  'deadline-exceeded': failed(status.DEADLINE_EXCEEDED),
  'command-failed': failed(status.INTERNAL),
  'not-permitted': refused(status.PERMISSION_DENIED),
  'disk-full': failed(status.RESOURCE_EXHAUSTED),
  internal: failed(status.INTERNAL),

  // running and stopping containers
  'vm-unknown': refused(status.NOT_FOUND),
  'container-unknown': refused(status.NOT_FOUND),
  'container-ambiguous': refused(status.FAILED_PRECONDITION),
  'container-exists': refused(status.ALREADY_EXISTS),
  'container-busy': refused(status.FAILED_PRECONDITION),
  'container-not-running': refused(status.FAILED_PRECONDITION),
  'rootfs-missing': refused(status.FAILED_PRECONDITION),
  'address-taken': refused(status.ALREADY_EXISTS),
  'runtime-failed': failed(status.INTERNAL),

  // preflight of a migration
  'same-vm': refused(status.FAILED_PRECONDITION),
  'cpu-features-differ': refused(status.FAILED_PRECONDITION),
  'criu-differs': refused(status.FAILED_PRECONDITION),
  'no-room': refused(status.RESOURCE_EXHAUSTED),
  'agent-unavailable': refused(status.UNAVAILABLE),
  'relay-unavailable': refused(status.UNAVAILABLE),
  'no-soft-dirty': refused(status.FAILED_PRECONDITION),
  'memory-merged': refused(status.FAILED_PRECONDITION),

  // the hypercall channel
  'no-hypercall-channel': refused(status.FAILED_PRECONDITION),
  'ram-not-shared': refused(status.FAILED_PRECONDITION),
  'nonce-mismatch': refused(status.FAILED_PRECONDITION),
  'bad-frame': failed(status.INVALID_ARGUMENT),
  'bad-run': failed(status.OUT_OF_RANGE),
  'channel-closed': failed(status.UNAVAILABLE),

  // moving pages
  'session-unknown': failed(status.NOT_FOUND),
  'stream-broken': failed(status.DATA_LOSS),
  'share-tampered': failed(status.FAILED_PRECONDITION),
  'scan-failed': failed(status.INTERNAL),
  'freeze-failed': failed(status.INTERNAL),
  'dump-failed': failed(status.INTERNAL),
  'restore-failed': failed(status.INTERNAL),
  'digest-mismatch': failed(status.DATA_LOSS),
  'pages-will-not-settle': failed(status.ABORTED),
  'destination-lost': failed(status.ABORTED),
  'source-lost': failed(status.DATA_LOSS),

  // state in Redis
  'state-store-unavailable': failed(status.UNAVAILABLE),
  'migration-unknown': failed(status.NOT_FOUND),
  'transition-refused': failed(status.ABORTED),
  'stale-epoch': failed(status.ABORTED),
  'too-late': failed(status.FAILED_PRECONDITION),
  cancelled: failed(status.CANCELLED),

  // rescuing a container
  'nothing-to-rescue': refused(status.FAILED_PRECONDITION),
  'choice-refused': refused(status.FAILED_PRECONDITION),

  // the test bed
  'testbed-down': failed(status.UNAVAILABLE),
  'testbed-already-up': failed(status.ALREADY_EXISTS),
  'testbed-failed': failed(status.INTERNAL),
  'missing-program': failed(status.FAILED_PRECONDITION),
} as const satisfies Record<string, CodeMeaning>;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}
