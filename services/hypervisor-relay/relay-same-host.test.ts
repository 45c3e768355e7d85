/** Source and destination VM on one host: how the relay knows, and how such a stream ends. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';

import { PAGE_BYTES } from '../../libraries/units/index.js';
import { listOf, object, withRelays } from './testing/relays.js';
import { highRamAddress } from './testing/scripted-qemu.js';
import { deadlineMs, TwoHosts } from './testing/two-hosts.js';

describe('a stream within one relay', function () {
  this.timeout(60_000);
  const relays = withRelays(() => TwoHosts.startOnOneHost());
  const few = listOf([[0x100, 50, 0]]);
  const many = listOf([[highRamAddress / PAGE_BYTES, 2000, 0]]);

  it('takes no connection, and lets no other come', async () => {
    const landing = await relays.hosts.openLanding('joined');
    await relays.hosts.openStream('joined', landing);
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = connect(landing.port, landing.address, () => resolve(socket.destroy()));
        socket.on('error', reject);
      }),
      { code: 'ECONNREFUSED' },
    );
    relays.fill(few);
    await relays.send('joined', few);
    await relays.hosts.seal('joined');
    relays.verify('joined', few);
    await relays.hosts.close('joined');
  });

  it('is refused without the token, which then still admits', async () => {
    const landing = await relays.hosts.openLanding('token');
    const refused = { code: 'session-unknown', message: /token does not admit/ };
    await assert.rejects(relays.hosts.openStream('token', { ...landing, token: 'ab'.repeat(32) }), refused);
    await relays.hosts.openStream('token', landing);
    relays.fill(few);
    await relays.send('token', few);
    relays.verify('token', few);
    await relays.hosts.close('token');
  });

  it('ends when its landing is closed, and says so to the guest', async () => {
    await relays.hosts.open('landing-closed', 2 ** 20);
    relays.fill(many);
    const { landed } = await relays.guest.send(await relays.guest.open('landing-closed', object), many);
    const failed = assert.rejects(landed, { code: 'stream-broken', message: /was closed/ });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const startMs = performance.now();
    await relays.hosts.relayB.client.call(
      'CloseSession',
      { migrationId: 'landing-closed', vm: 'vm-b' },
      { deadlineMs },
    );
    assert.ok(performance.now() - startMs < 2000);
    await failed;
    await relays.hosts.close('landing-closed');
  });

  it('that ends before its images leaves its landing unsealed', async () => {
    await relays.hosts.open('source-closed', 2 ** 20);
    relays.fill(many);
    const { landed } = await relays.guest.send(await relays.guest.open('source-closed', object), many);
    const failed = assert.rejects(landed, { code: 'stream-broken' });
    const call = { migrationId: 'source-closed', vm: 'vm-b' };
    const sealed = assert.rejects(relays.hosts.relayB.client.call('SealLanding', call, { deadlineMs }), {
      code: 'stream-broken',
    });
    await relays.hosts.relayA.client.call('CloseSession', { ...call, vm: 'vm-a' }, { deadlineMs });
    await Promise.all([failed, sealed]);
    await relays.hosts.close('source-closed');
  });
});
