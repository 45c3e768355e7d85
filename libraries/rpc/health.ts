/**
 * gRPC's standard health check, from the asking side: one call, no waiting; callers poll.
 */
import { Client } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

import type { Identity } from './identity.js';
import { clientCredentials, clientTlsOptions, type Security } from './security.js';

/** True if `expected`, at `address` (host:port or unix:/path), says that it serves, or that its `part` does. Never throws. */
export async function isServing(
  address: string,
  deadlineMs: number,
  security: Security,
  expected: Identity,
  part = '',
): Promise<boolean> {
  const probe = new HealthProbe(address, security, expected, part);
  try {
    return await probe.isServing(deadlineMs);
  } finally {
    probe.close();
  }
}

/** Asks one service again and again, over one connection for as long as that is well: a handshake costs more than an answer. */
export class HealthProbe {
  private client: Client | undefined;
  private lastProblem = '';

  constructor(
    private readonly address: string,
    private readonly security: Security,
    private readonly expected: Identity,
    private readonly part = '',
  ) {}

  /** Never throws. */
  async isServing(deadlineMs: number): Promise<boolean> {
    const { path, requestSerialize, responseDeserialize } = service.Check ?? missing();
    const client = (this.client ??= this.connect());
    const is = await new Promise<boolean>((resolve) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service: this.part },
        { deadline: Date.now() + deadlineMs },
        (error, answer) => {
          const status = (answer as { status?: string } | undefined)?.status ?? '';
          this.lastProblem = error === null ? `it says ${status}` : error.details;
          resolve(error === null && status === 'SERVING');
        },
      );
    });
    if (!is) this.close();
    return is;
  }

  /** Why the last question was answered with no. */
  get problem(): string {
    return this.lastProblem;
  }

  /** The next question opens it anew. */
  close(): void {
    this.client?.close();
    this.client = undefined;
  }

  private connect(): Client {
    return new Client(this.address, clientCredentials(this.security, this.expected), {
      ...clientTlsOptions,
      'grpc.enable_http_proxy': 0,
    });
  }
}

function missing(): never {
  throw new Error('grpc-health-check has no Check method');
}
