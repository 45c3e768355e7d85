/** The one place that chooses between a stream by TLS and one as it is. */
import type { ByteSockets, StreamSecurity } from './byte-socket.js';
import { PlainSockets } from './plain-socket.js';
import { TlsSockets } from './tls-socket.js';

export function openSockets(security: StreamSecurity): ByteSockets {
  return security === 'insecure' ? new PlainSockets() : new TlsSockets(security);
}
