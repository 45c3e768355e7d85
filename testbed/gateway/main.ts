/**
 * The way from this machine's own network to the guests' agents.
 *
 * The VMs' network lies in network namespaces, which the command line is not in; unix sockets are files and are
 * seen from everywhere. So this process runs in `portkey-outside`, listens on one socket for each agent and passes
 * bytes on to the agent's address, both ways, with half-closes and back-pressure. It knows nothing of gRPC, keeps
 * nothing, and carries the command line's traffic only: services talk to each other on the network itself.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';

import { gatewayConfigSchema, type GatewayRoute } from './routes.js';

function serve({ socket, host, port }: GatewayRoute): void {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const agent = connect({ host, port, allowHalfOpen: true, noDelay: true });
    join(client, agent);
    join(agent, client);
  });
  server.listen(socket);
}

function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.once('error', () => to.destroy());
  from.once('close', () => to.destroySoon());
}

const [file = ''] = process.argv.slice(2);
for (const route of gatewayConfigSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).routes) serve(route);
