import assert from 'node:assert/strict';

import { topologyOf } from '../topology.js';
import { burstBytes, containerHostCommands, networkCommands } from './commands.js';

describe('network commands', () => {
  const { vms } = topologyOf(2, '/run/portkey');
  const lines = networkCommands(vms, 1e9).map((command) => command.join(' '));

  it('makes a namespace for each host and one for the outside, before anything is put in', () => {
    for (const namespace of ['portkey-outside', 'portkey-host-a', 'portkey-host-b']) {
      const created = lines.indexOf(`ip netns add ${namespace}`);
      assert.notEqual(created, -1);
      assert.ok(lines.slice(0, created).every((line) => !line.includes(`-n ${namespace}`)));
    }
  });

  it('gives hosts and the outside their addresses', () => {
    assert.ok(lines.includes('ip -n portkey-outside address add 10.77.0.254/24 dev switch'));
    assert.ok(lines.includes('ip -n portkey-host-b address add 10.77.0.2/24 dev br0'));
  });

  it('limits both ends of each link', () => {
    const limits = lines.filter((line) => line.startsWith('tc '));
    assert.equal(limits.length, 4);
    assert.ok(limits.every((line) => line.includes('tbf rate 1000000000bit burst 500000 latency 50ms')));
  });

  it('sets no limit where none is asked for', () => {
    assert.ok(networkCommands(vms, undefined).every(([program]) => program === 'ip'));
  });

  it('lets at least two of the largest packets through at once, however slow the link', () => {
    assert.equal(burstBytes(1e6), 128 * 1024);
    assert.equal(burstBytes(10e9), 5_000_000);
  });

  it('hands the address of a container over to the bridge, and the tap to its user', () => {
    assert.deepEqual(
      containerHostCommands({ hostAddress: '10.77.0.1' }, 'eth0', 1e9, 10_077).map((command) =>
        command.join(' '),
      ),
      [
        'ip address flush dev eth0',
        'ip link add br0 address 02:70:6b:00:00:01 type bridge forward_delay 0 mcast_snooping 0',
        'ip address add 10.77.0.1/24 dev br0',
        'ip link set br0 up',
        'ip link set eth0 master br0 up',
        'tc qdisc add dev eth0 root tbf rate 1000000000bit burst 500000 latency 50ms',
        'ip tuntap add dev tap0 mode tap vnet_hdr user 10077',
        'ip link set tap0 master br0 up',
      ],
    );
  });
});
