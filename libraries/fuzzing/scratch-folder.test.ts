import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { makeScratchFolder } from './scratch-folder.js';

describe('the folder of a fuzzing run', () => {
  it('has none beside it whose process is gone, and leaves the others', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'portkey-scratch-'));
    try {
      const gone = spawn('true');
      await once(gone, 'exit');
      const [left, running] = [`portkey-fuzz-${gone.pid ?? 0}-abc`, `portkey-fuzz-${process.pid}-abc`];
      mkdirSync(path.join(root, left, 'landing'), { recursive: true });
      writeFileSync(path.join(root, left, 'ram'), 'x');
      for (const name of [running, 'portkey-fuzz-notes', 'other']) mkdirSync(path.join(root, name));
      const made = path.basename(makeScratchFolder(root));
      assert.match(made, new RegExp(`^portkey-fuzz-${process.pid}-`));
      assert.deepEqual(readdirSync(root).sort(), ['other', running, 'portkey-fuzz-notes', made].sort());
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
