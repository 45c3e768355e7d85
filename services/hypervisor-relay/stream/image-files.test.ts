import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { sendImages } from './image-files.js';

describe('the image files that a guest left', () => {
  let share = '';
  let sent: string[] = [];
  const send = (): ReturnType<typeof sendImages> =>
    sendImages({ root: share, name: 'outgoing/m-1' }, 'final', { send: (name) => sent.push(name) });

  beforeEach(() => {
    share = mkdtempSync('/dev/shm/portkey-images-');
    sent = [];
    mkdirSync(path.join(share, 'outgoing/m-1/final'), { recursive: true });
    writeFileSync(path.join(share, 'outgoing/m-1/final/core-1.img'), 'core');
  });
  afterEach(() => rmSync(share, { recursive: true, force: true }));

  it('are those of the folder that is sent, however much is beside it', () => {
    mkdirSync(path.join(share, 'outgoing/m-1/else'));
    for (let index = 0; index < 10_000; index += 1)
      symlinkSync('nowhere', path.join(share, 'outgoing/m-1/else', String(index)));
    assert.deepEqual(send(), { files: 1, bytes: 4 });
    assert.deepEqual(sent, ['final/core-1.img']);
  });

  it('are none where it left no folder', () => {
    rmSync(path.join(share, 'outgoing/m-1/final'), { recursive: true });
    assert.deepEqual(send(), { files: 0, bytes: 0 });
    rmSync(path.join(share, 'outgoing/m-1'), { recursive: true });
    assert.deepEqual(send(), { files: 0, bytes: 0 });
  });

  for (const name of ['outgoing', 'outgoing/m-1', 'outgoing/m-1/final'])
    it(`are not sent where ${name} is a link`, () => {
      renameSync(path.join(share, name), path.join(share, 'away'));
      symlinkSync(path.join(share, 'away'), path.join(share, name));
      assert.throws(send, { code: 'share-tampered' });
      assert.deepEqual(sent, []);
    });

  it('are not sent where there is more among them than a dump makes, though it be no files', () => {
    for (let index = 0; index < 10_000; index += 1)
      symlinkSync('nowhere', path.join(share, 'outgoing/m-1/final', String(index)));
    assert.throws(send, { code: 'share-tampered', message: /m-1\/final has more than 10000 files/ });
    assert.deepEqual(sent, []);
  });
});
