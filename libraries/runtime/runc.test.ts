import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { RunCommand } from '../process/index.js';
import { Runc } from './runc.js';

describe('a call of runc that fails', () => {
  let work = '';
  beforeEach(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'portkey-runc-'));
  });
  afterEach(() => rm(work, { recursive: true }));

  const restore = (run: RunCommand): Promise<void> =>
    new Runc(run).restore({ name: 'web', images: '/images', work, bundle: '/bundle' });
  const ending =
    (exitCode: number, stderr: string): RunCommand =>
    () =>
      Promise.resolve({ exitCode, stdout: '', stderr });

  it('says what CRIU has against it, or else runc', async () => {
    await writeFile(path.join(work, 'runc.log'), 'time="now" level=error msg="criu failed: \\"type\\" x"\n');
    await assert.rejects(restore(ending(1, '')), /could not restore container 'web': criu failed: "type" x$/);
    await writeFile(
      path.join(work, 'restore.log'),
      '(00.1) Error (criu/tun.c:1): probing\n(00.2)      7: Error (criu/files.c:2): no such file\n',
    );
    await assert.rejects(restore(ending(1, '')), /: Error \(criu\/files\.c:2\): no such file$/);
  });

  it('says that it was killed, although it was to leave a container and has a log', async () => {
    await writeFile(path.join(work, 'runc.log'), '');
    await assert.rejects(restore(ending(128, '\nkilled by SIGKILL')), /: killed by SIGKILL$/);
    await writeFile(path.join(work, 'runc.log'), 'time="now" level=info msg="so far so good"\n');
    await assert.rejects(restore(ending(128, '\nkilled by SIGKILL')), /: killed by SIGKILL$/);
  });

  it('says what room there is for logs where they are empty', async () => {
    await assert.rejects(
      restore(ending(1, '')),
      /: it ended with 1 and wrote nothing to its log in \S*portkey-runc-\S*; [\d.]+ [KMGT]iB are free there$/,
    );
    await rm(work, { recursive: true });
    await assert.rejects(restore(ending(1, '')), /wrote nothing to its log in \S*; Error: ENOENT/);
    work = await mkdtemp(path.join(tmpdir(), 'portkey-runc-'));
  });
});
