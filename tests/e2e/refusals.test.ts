/**
 * What bad input gets on a running test bed: one line that says what to do, the right exit code, and a container
 * that was not touched.
 */
import assert from 'node:assert/strict';

import { withTestbed } from './support/fixture.js';
import { inGuest, portkey, portkeyJson, startPortkey, untilState, type Outcome } from './support/portkey.js';
import { redis } from './support/workloads.js';

describe('a request that cannot be met', function () {
  this.timeout(120_000);
  withTestbed();

  describe('leaves the container untouched:', () => {
    const workload = redis('48M', '1M');
    before('a running Redis', () => workload.start('vm-a'));
    after(() => workload.stop());
    afterEach('the container is untouched', () => workload.check());

    function refused({ exitCode, stdout, stderr }: Outcome, code: number, message: RegExp): void {
      assert.equal(exitCode, code, `${stderr}${stdout}`);
      const lines = stderr.trim().split('\n');
      assert.match(lines.at(-1) ?? '', message);
    }

    it('names an unknown VM and the known ones', async () => {
      refused(await portkey('migrate', 'redis', '--to', 'vm-x'), 3, /vm-x.*vm-a.*vm-b/);
    });

    it('names an unknown container', async () => {
      refused(await portkey('migrate', 'nothing', '--to', 'vm-b'), 3, /nothing/);
    });

    it('refuses the VM that the container is in', async () => {
      refused(await portkey('migrate', 'redis', '--to', 'vm-a'), 3, /vm-a/);
    });

    it('takes wrong usage as such', async () => {
      refused(await portkey('migrate', 'redis'), 2, /--to/);
      refused(await portkey('migrate', 'redis', '--to', 'vm-b', '--mode', 'teleport'), 2, /portkey.*criu/);
      refused(
        await portkey('run', 'vm-a', 'x', '--rootfs', '/', '--memory', 'lots', '--', 'true'),
        2,
        /lots/,
      );
    });

    it('refuses a rootfs that the destination lacks', async () => {
      await inGuest('vm-a', 'mkdir -p /srv/only-here && mount --bind / /srv/only-here');
      await portkeyJson(
        'run',
        'vm-a',
        'lonely',
        '--rootfs',
        '/srv/only-here',
        '--tmpfs',
        '/tmp',
        '--',
        'sleep',
        '1000',
      );
      try {
        refused(await portkey('migrate', 'lonely', '--to', 'vm-b'), 3, /only-here/);
      } finally {
        await portkey('stop', 'lonely');
        await inGuest('vm-a', 'umount -l /srv/only-here');
      }
    });

    it('refuses a destination without room', async () => {
      const allBut50M = "$(( $(awk '/MemAvailable/ {print $2}' /proc/meminfo) - 51200 ))K";
      await inGuest(
        'vm-b',
        `mount -t tmpfs -o size=100% full /srv && head -c ${allBut50M} /dev/zero >/srv/full`,
      );
      try {
        refused(await portkey('migrate', 'redis', '--to', 'vm-b'), 3, /available/);
      } finally {
        await inGuest('vm-b', 'umount /srv');
      }
    });

    it('refuses a container that is being migrated already', async () => {
      const first = startPortkey(['--json', 'migrate', 'redis', '--to', 'vm-b', '--bandwidth', '100mbit']);
      await untilState(['precopy'], first.ended);
      refused(await portkey('migrate', 'redis', '--to', 'vm-b'), 3, /already being migrated/);
      const { exitCode, stderr } = await first.ended;
      assert.equal(exitCode, 0, stderr);
    });

    it('refuses a container whose pages the kernel merges, until it no longer does', async () => {
      const ksm = '/sys/kernel/mm/ksm/run';
      // prctl(PR_SET_MEMORY_MERGE)
      const merges = 'syscall(157, 67, 1, 0, 0, 0) and die $!; sleep 1000';
      await portkeyJson(
        'run',
        'vm-a',
        'merged',
        '--rootfs',
        '/',
        '--tmpfs',
        '/tmp',
        '--',
        'perl',
        '-e',
        merges,
      );
      try {
        await inGuest('vm-a', `echo 1 >${ksm}`);
        for (const mode of ['portkey', 'criu'])
          refused(await portkey('migrate', 'merged', '--to', 'vm-b', '--mode', mode), 3, /KSM.*echo 2 >/);
        await inGuest('vm-a', `echo 2 >${ksm}`);
        await portkeyJson('migrate', 'merged', '--to', 'vm-b');
      } finally {
        await portkey('stop', 'merged');
        await inGuest('vm-a', `echo 0 >${ksm}`);
      }
    });

    it('closes the connections of a container on the VM’s own network, and says so beforehand', async () => {
      await portkeyJson(
        'run',
        'vm-a',
        'hosted',
        '--rootfs',
        '/',
        '--network',
        'host',
        '--tmpfs',
        '/tmp',
        '--',
        'memcached',
        '-u',
        'root',
        '-p',
        '11999',
      );
      try {
        const { exitCode, stderr } = await portkey('migrate', 'hosted', '--to', 'vm-b');
        assert.equal(exitCode, 0, stderr);
        assert.match(stderr, /connections.*closed/);
        assert.match(await inGuest('vm-b', 'ss -ltn'), /:11999/);
      } finally {
        await portkey('stop', 'hosted');
      }
    });
  });
});
