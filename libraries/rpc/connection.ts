/**
 * The gRPC client of one peer, which is replaced by another where its attempt to connect hangs.
 *
 * grpc-js sets no limit to a connection attempt (1.14: lib/transport, Http2SubchannelConnector): one that was begun while the
 * network was cut goes on for as long as TCP repeats its first packet, at intervals that double up to 64 s, and whoever calls
 * waits with it. So a call that finds no connection within `connectMs` gives its client up, and the next call begins anew:
 * a peer that can be reached again is reached within that time.
 *
 *     current ──a call waits for `connectMs`, and the channel is still connecting──▶ closed; another one is current
 *
 * Limits: a handshake that takes longer than `connectMs` never succeeds. Calls that are to wait for their peer are not watched.
 */
import { connectivityState, type Client } from '@grpc/grpc-js';

const connectMs = 8_000;

export class Connection {
  private client: Client;

  /** `make`: a client that shares its connection with no other. */
  constructor(private readonly make: () => Client) {
    this.client = make();
  }

  get current(): Client {
    return this.client;
  }

  /** For a call on `current`: calls `giveUp` where it can wait no longer, until the returned function ends that. */
  watch(giveUp: () => void): () => void {
    const client = this.client;
    const timer = setInterval(() => {
      if (client.getChannel().getConnectivityState(false) !== connectivityState.CONNECTING) return;
      clearInterval(timer);
      if (this.client === client) {
        this.client = this.make();
        client.close();
      }
      giveUp();
    }, connectMs);
    return () => clearInterval(timer);
  }

  close(): void {
    this.client.close();
  }
}
