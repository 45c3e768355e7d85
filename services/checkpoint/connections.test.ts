import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { connectionsOf, hasInternal, isEstablished, parseConnections } from './connections.js';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n';
const row = (local: string, remote: string, state: string): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n`;

describe("a container's connections", () => {
  it('are told apart by where their other end is', () => {
    const outside = row('64004D0A:18EB', '01004D0A:9C40', '01');
    const listener = row('0100007F:18EB', '00000000:0000', '0A');
    assert.equal(hasInternal(parseConnections(head + listener + outside)), false);
    const inside = row('0100007F:18EB', '0100007F:9C42', '01') + row('0100007F:9C42', '0100007F:18EB', '08');
    assert.equal(hasInternal(parseConnections(head + listener + outside + inside)), true);
    // A socket that connected to itself: both ends are one.
    assert.equal(hasInternal(parseConnections(head + row('0100007F:1', '0100007F:1', '01'))), true);
    assert.deepEqual(parseConnections(''), []);
  });

  for (const address of ['127.0.0.1', '::'])
    it(`are found in the tables of a real task, of a server on ${address}`, async () => {
      const server = createServer().listen(0, address);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const client = connect(port, '127.0.0.1');
      try {
        const [socket] = await accepted;
        const hex = port.toString(16).toUpperCase().padStart(4, '0');
        const ours = (connectionsOf(process.pid) ?? []).filter(
          ({ local, remote }) => local.endsWith(`:${hex}`) || remote.endsWith(`:${hex}`),
        );
        assert.equal(ours.filter(isEstablished).length, 2);
        assert.ok(hasInternal(ours));
        socket.destroy();
      } finally {
        client.destroy();
        server.close();
      }
    });
});
