/**
 * A landing, and what lies beside it: whole images, that a link out of the landing would lead to, and a FIFO. Says whether
 * anything there was read, written or made.
 *
 * By the times that the file system keeps: a file's access time is set where it is older than its last change, so after one
 * read nothing need be set again. A file system without access times is refused, as nothing would be seen there.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';

import { plant } from './planted.js';
import { imagesOfTwoTasks, portkeyLanding } from './valid-landing.js';

/** Seconds, both long ago. */
const [readAt, changedAt] = [1_000_000, 2_000_000];

export class WatchedFolders {
  readonly landing: string;
  readonly fifo: string;
  private readonly outside: string;
  private readonly watched: readonly string[];
  private readonly descriptors: number;

  constructor(private readonly root: string) {
    this.landing = path.join(root, 'landing');
    this.outside = path.join(root, 'outside');
    this.fifo = path.join(root, 'fifo');
    execFileSync('mkfifo', [this.fifo]);
    mkdirSync(this.outside);
    const whole = [...imagesOfTwoTasks(), ...portkeyLanding()];
    plant(
      this.outside,
      this.fifo,
      whole.map((each) => ({ ...each, path: path.basename(each.path) })),
    );
    this.watched = readdirSync(this.outside).map((name) => path.join(this.outside, name));
    this.forget();
    this.requireTimes();
    this.descriptors = openDescriptors();
  }

  /** An empty landing. */
  clear(): void {
    rmSync(this.landing, { recursive: true, force: true });
    mkdirSync(this.landing);
  }

  requireUntouched(): void {
    for (const file of this.watched) {
      const { atimeMs, mtimeMs } = statSync(file);
      assert.equal(mtimeMs, changedAt * 1000, `${file} was written`);
      assert.equal(atimeMs, readAt * 1000, `${file} was read`);
    }
    assert.equal(statSync(this.outside).mtimeMs, changedAt * 1000, 'something was made outside');
    assert.deepEqual(
      readdirSync(this.root).sort(),
      ['fifo', 'landing', 'outside'],
      'something was made beside the landing',
    );
    assert.equal(openDescriptors(), this.descriptors, 'descriptors were left open');
  }

  /** Whoever waits for somebody at the FIFO's other end goes on. */
  releaseFifo(): void {
    closeSync(openSync(this.fifo, constants.O_RDWR | constants.O_NONBLOCK));
  }

  /** What was read and written until now does not count. */
  forget(): void {
    for (const each of [...this.watched, this.outside]) utimesSync(each, readAt, changedAt);
  }

  private requireTimes(): void {
    const [file] = this.watched;
    assert.ok(file !== undefined);
    readFileSync(file);
    assert.notEqual(
      statSync(file).atimeMs,
      readAt * 1000,
      `${this.root} is on a file system without access times, where nothing shows what was read; mount it without noatime`,
    );
    this.forget();
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
