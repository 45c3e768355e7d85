/**
 * What a landing must hold after a stream: its own bookkeeping, made of the messages that were acknowledged.
 *
 * A page is what was sent for it last, and zero after ZERO or DROP. Limits: of a run of zeroes only its ends are looked at,
 * and whatever was written in it; nothing is asked of a name that was written both as an object and as a file, nor of what
 * the message that was refused may have begun.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import type { PageRange } from '../ram/zero-pages.js';

/** What a message does, where it is acknowledged. */
export type Effect =
  | { readonly type: 'open'; readonly object: number; readonly name: string }
  | { readonly type: 'close'; readonly object: number }
  /** `fill`: each byte of these pages. */
  | {
      readonly type: 'pages';
      readonly object: number;
      readonly ranges: readonly PageRange[];
      readonly fill: number;
    }
  | { readonly type: 'file'; readonly name: string; readonly byteLength: number; readonly fill: number }
  | { readonly type: 'nothing' }
  /** It is not known what, nor whether anything at all. */
  | { readonly type: 'anything' };

export class LandedContent {
  private readonly open = new Map<number, string>();
  private readonly pages = new Map<string, Map<number, number>>();
  private readonly files = new Map<string, { readonly byteLength: number; readonly fill: number }>();
  private readonly unknown = new Set<string>();

  acknowledged(effect: Effect): void {
    assert.ok(effect.type !== 'anything');
    if (effect.type === 'open') this.open.set(effect.object, effect.name);
    else if (effect.type === 'close') this.open.delete(effect.object);
    else if (effect.type === 'pages') this.wrote(this.open.get(effect.object), effect);
    else if (effect.type === 'file') {
      if (this.pages.has(effect.name)) this.unknown.add(effect.name);
      this.files.set(effect.name, effect);
    }
  }

  /** Some of it may have been done. */
  refused(effect: Effect): void {
    if (effect.type === 'file') this.unknown.add(effect.name);
    if (effect.type === 'anything')
      for (const name of [...this.pages.keys(), ...this.files.keys()]) this.unknown.add(name);
    const name = effect.type === 'pages' ? this.open.get(effect.object) : undefined;
    if (name !== undefined) this.unknown.add(name);
  }

  /** Throws where the landing holds something else. */
  requireIn(folder: string): void {
    for (const [name, pages] of this.pages)
      if (!this.unknown.has(name))
        reading(path.join(folder, name), (read) => {
          for (const [page, fill] of pages)
            assert.ok(
              holds(read(BigInt(page) * BigInt(PAGE_BYTES), PAGE_BYTES), PAGE_BYTES, fill),
              `page ${page} of '${name}' is not what was sent last`,
            );
        });
    for (const [name, { byteLength, fill }] of this.files)
      if (!this.unknown.has(name))
        reading(path.join(folder, name), (read) => {
          const content = read(0n, byteLength + 1);
          assert.ok(
            content.length === byteLength && holds(content, byteLength, fill),
            `'${name}' is not what was sent`,
          );
        });
  }

  private wrote(name: string | undefined, { ranges, fill }: Extract<Effect, { type: 'pages' }>): void {
    assert.ok(name !== undefined, 'pages of an object that is not open were acknowledged');
    if (this.files.has(name)) this.unknown.add(name);
    const pages = this.pages.get(name) ?? new Map<number, number>();
    this.pages.set(name, pages);
    for (const { page, count } of ranges) {
      for (const known of pages.keys()) if (known >= page && known < page + count) pages.set(known, fill);
      for (const end of [page, page + count - 1]) pages.set(end, fill);
    }
  }
}

type Read = (offset: bigint, byteLength: number) => Buffer;

function reading(file: string, look: (read: Read) => void): void {
  const fd = openSync(file, 'r');
  try {
    look((offset, byteLength) => {
      const bytes = Buffer.alloc(byteLength);
      return bytes.subarray(0, readSync(fd, bytes, 0, byteLength, offset));
    });
  } finally {
    closeSync(fd);
  }
}

/** What is behind a file's end is zero. */
function holds(content: Buffer, byteLength: number, fill: number): boolean {
  return (fill === 0 || content.length === byteLength) && content.equals(Buffer.alloc(content.length, fill));
}
