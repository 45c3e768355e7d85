/**
 * gRPC's standard health check, from the asking side: one call, no waiting; callers poll.
 */
import { Client } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

import type { Identity } from './identity.js';
import { clientCredentials, type Security } from './security.js';

/** True if `expected`, at `address` (host:port or unix:/path), says that it serves. Never throws. */
export async function isServing(
  address: string,
  deadlineMs: number,
  security: Security,
  expected: Identity,
): Promise<boolean> {
  const { path, requestSerialize, responseDeserialize } = service.Check ?? missing();
  const client = new Client(address, clientCredentials(security, expected), { 'grpc.enable_http_proxy': 0 });
  try {
    return await new Promise<boolean>((resolve) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service: '' },
        { deadline: Date.now() + deadlineMs },
        (error, answer) => resolve(error === null && (answer as { status?: string }).status === 'SERVING'),
      );
    });
  } finally {
    client.close();
  }
}

function missing(): never {
  throw new Error('grpc-health-check has no Check method');
}
