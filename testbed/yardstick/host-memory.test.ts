import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { isVirtualMachine, touch } from './host-memory.js';

describe('host memory', () => {
  let folder: string;

  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'host-memory-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is touched to the last byte, and given back', async () => {
    const sizes: number[] = [];
    const bytes = 40 * 2 ** 20 + 5;
    const look = setInterval(() => {
      stat(path.join(folder, 'touched')).then(
        ({ size }) => sizes.push(size),
        () => undefined,
      );
    }, 1);
    await touch(bytes, folder, new AbortController().signal).finally(() => clearInterval(look));
    assert.ok(Math.max(...sizes) > bytes / 4, `seen: ${sizes.join(', ')}`);
    assert.deepEqual(await readdir(folder), []);
  });

  it('is given back when the user wants out', async () => {
    const stopping = new AbortController();
    stopping.abort(new Error('enough'));
    await assert.rejects(touch(2 ** 20, folder, stopping.signal), /enough/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('is told from that of a machine that is no VM', async () => {
    const cpuinfo = path.join(folder, 'cpuinfo');
    await writeFile(cpuinfo, 'model name\t: some\nflags\t\t: fpu vme hypervisor lahf_lm\n');
    assert.equal(await isVirtualMachine(cpuinfo), true);
    await writeFile(cpuinfo, 'model name\t: a hypervisor\nflags\t\t: fpu vme lahf_lm\n');
    assert.equal(await isVirtualMachine(cpuinfo), false);
  });
});
