import assert from 'node:assert/strict';

import { PageSet } from './page-set.js';
import { PageTables } from './page-tables.js';
import { entryWords } from './pagemap-words.js';

const region = 512;

describe('the page tables of what was sent', () => {
  /** Frames of the pages from 0 on; undefined where there is none. */
  let frames: (number | undefined)[];
  let sent: PageSet;
  let tables: PageTables;
  let looks: number;

  beforeEach('two regions, all of which was sent', () => {
    frames = Array.from({ length: 2 * region }, (_, page) => 1000 + page);
    sent = new PageSet();
    tables = new PageTables();
    looks = 0;
    send(0, 2 * region);
  });

  const wordsOf = (first: number, count: number): Int32Array =>
    Int32Array.from(
      frames.slice(first, first + count).flatMap((pfn) => (pfn === undefined ? [0, 0] : entryWords({ pfn }))),
    );

  function send(first: number, count: number): void {
    sent.addRange(first, count);
    tables.note({ firstPage: first, words: wordsOf(first, count) }, { first, count }, sent);
  }

  function withdraw(): void {
    tables.withdrawMoved(sent, (page) => {
      looks += 1;
      return wordsOf(page, 1);
    });
  }

  it('are looked at once each while nothing has moved', () => {
    withdraw();
    assert.ok(sent.has(0) && sent.has(2 * region - 1));
    assert.equal(looks, 2);
  });

  it('are strangers where another one has come in the place of one', () => {
    for (let page = 0; page < region; page += 1) frames[page] = 9000 + page;
    withdraw();
    assert.ok(!sent.has(0) && !sent.has(region - 1));
    assert.ok(sent.has(region) && sent.has(2 * region - 1));
  });

  it('are known by any page that is in its frame still', () => {
    frames.fill(undefined, 0, region - 128);
    withdraw();
    assert.ok(sent.has(region - 1));
  });

  it('are not known by a page that was sent later', () => {
    for (let page = 0; page < region; page += 1) frames[page] = 9000 + page;
    // The table came after the look, and one of its pages was written and sent.
    send(3, 1);
    withdraw();
    assert.ok(!sent.has(3));
  });

  it('are noted anew once they were sent again', () => {
    for (let page = 0; page < region; page += 1) frames[page] = 9000 + page;
    withdraw();
    send(0, region);
    withdraw();
    assert.ok(sent.has(0) && sent.has(2 * region - 1));
  });

  it('are noted where few of their pages are there, wherever these are', () => {
    for (const page of [0, 200, region - 1]) {
      frames.fill(undefined);
      frames[page] = 77;
      [sent, tables] = [new PageSet(), new PageTables()];
      sent.addRange(page, 1);
      tables.note({ firstPage: 0, words: wordsOf(0, region) }, { first: 0, count: region }, sent);
      withdraw();
      assert.ok(sent.has(page), `page ${page}`);
    }
  });
});
