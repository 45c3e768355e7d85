import assert from 'node:assert/strict';

import { runDemo, type Portkey } from './demo.js';

const options = {
  container: 'demo',
  vms: ['vm-a', 'vm-b'],
  size: '16M',
  writeRate: '1M',
  pauseMs: 10,
} as const;

describe('the demonstration', () => {
  /** A bed in which `legs` migrations are asked for; `lostAfter`: the workload is gone after so many. */
  async function run(
    legs: number,
    { failing = -1, lostAfter = -1 } = {},
  ): Promise<{ asked: string[]; told: string[] }> {
    const stop = new AbortController();
    const asked: string[] = [];
    const told: string[] = [];
    let at: string | undefined;
    let migrations = 0;
    const portkey: Portkey = (args) => {
      const [command = '', ...rest] = args;
      if (command === 'ps')
        return Promise.resolve(JSON.stringify(at === undefined ? [] : [{ name: 'demo', vm: at }]));
      asked.push(args.join(' '));
      if (command === 'run') at = rest[0];
      if (command !== 'migrate') return Promise.resolve('');
      migrations += 1;
      if (migrations === legs) stop.abort();
      if (migrations === failing) return Promise.reject(new Error('portkey migrate demo: refused'));
      at = migrations === lostAfter ? undefined : rest[2];
      return Promise.resolve(
        JSON.stringify({ outcome: 'completed', totalSeconds: 2, downtimeSeconds: 0.25 }),
      );
    };
    const clock = { sleep: () => Promise.resolve() };
    await runDemo(options, { portkey, clock, report: (line) => told.push(line) }, stop.signal);
    return { asked, told };
  }

  const migration = (to: string, mode: string): string => `migrate demo --to ${to} --mode ${mode} --json`;

  it('goes both ways in both modes, in turn, and takes its workload along when it ends', async () => {
    const { asked, told } = await run(5);
    assert.deepEqual(asked, [
      'run vm-a demo --workload redis --size 16M --write-rate 1M',
      migration('vm-b', 'portkey'),
      migration('vm-a', 'portkey'),
      migration('vm-b', 'criu'),
      migration('vm-a', 'criu'),
      migration('vm-b', 'portkey'),
      'stop demo',
    ]);
    assert.equal(told[1], 'portkey: demo from vm-a to vm-b, completed in 2.0 s, 250 ms of downtime');
  });

  it('tells of a migration that fails, and goes on', async () => {
    const { asked, told } = await run(3, { failing: 2 });
    assert.ok(told.includes('portkey migrate demo: refused'));
    assert.deepEqual(asked.slice(2, 4), [migration('vm-a', 'portkey'), migration('vm-a', 'criu')]);
  });

  it('runs its workload again where it is gone', async () => {
    const { asked } = await run(3, { lostAfter: 2 });
    assert.equal(asked.filter((line) => line.startsWith('run ')).length, 2);
  });
});
