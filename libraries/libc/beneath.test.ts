import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Folder } from './index.js';

const tampered = { code: 'share-tampered', message: /share\/.*: remove it$/ };

describe('Folder', () => {
  let root: string;
  let folder: Folder;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'portkey-beneath-'));
    mkdirSync(join(root, 'share'));
    writeFileSync(join(root, 'secret'), 'secret');
    folder = Folder.open(join(root, 'share'));
  });

  afterEach(() => {
    folder.close();
    rmSync(root, { recursive: true });
  });

  function write(name: string, text: string): void {
    const fd = folder.openForWriting(name);
    writeSync(fd, text);
    closeSync(fd);
  }

  it('writes and reads files below itself, making the folders on the way', () => {
    write('memory/deep/pages-1.img', 'pages');
    assert.equal(readFileSync(join(root, 'share/memory/deep/pages-1.img'), 'utf8'), 'pages');
    const fd = folder.openForReading('memory/deep/pages-1.img');
    assert.equal(readFileSync(fd, 'utf8'), 'pages');
    closeSync(fd);
  });

  it('opens a file again without emptying it', () => {
    write('a', 'first');
    write('a', 'F');
    assert.equal(readFileSync(join(root, 'share/a'), 'utf8'), 'First');
  });

  it('refuses names that lead out', () => {
    for (const name of [
      '../secret',
      '/etc/passwd',
      'a/../../secret',
      '',
      'a//b',
      './a',
      'a\0b',
      'a/'.repeat(9),
    ]) {
      assert.throws(() => folder.openForWriting(name), { code: 'invalid-argument' }, name);
      assert.throws(() => folder.openForReading(name), { code: 'invalid-argument' }, name);
      assert.throws(() => folder.folder(name, { create: true }), { code: 'invalid-argument' }, name);
    }
  });

  it('follows no link, at the end or on the way', () => {
    symlinkSync('../secret', join(root, 'share/link'));
    symlinkSync('..', join(root, 'share/up'));
    symlinkSync('/', join(root, 'share/slash'));
    for (const name of ['link', 'up/secret', 'slash/etc/passwd']) {
      assert.throws(() => folder.openForReading(name), tampered, name);
      assert.throws(() => folder.openForWriting(name), tampered, name);
    }
    assert.equal(readFileSync(join(root, 'secret'), 'utf8'), 'secret');
  });

  it('refuses what is not a regular file, without waiting for it', async () => {
    execFileSync('mkfifo', [join(root, 'share/fifo')]);
    mkdirSync(join(root, 'share/folder'));
    const server = createServer().listen(join(root, 'share/socket'));
    await once(server, 'listening');
    for (const name of ['fifo', 'folder', 'socket']) {
      assert.throws(() => folder.openForReading(name), tampered, name);
      assert.throws(() => folder.openForWriting(name), tampered, name);
    }
    server.close();
    await once(server, 'close');
  });

  it('refuses a file where a folder is to be', () => {
    write('file', 'text');
    assert.throws(() => folder.openForWriting('file/below'), tampered);
    assert.throws(() => folder.folder('file', { create: true }), tampered);
  });

  it('says that it was closed', () => {
    folder.close();
    folder.close();
    assert.throws(() => folder.fd, /was closed/);
  });
});
