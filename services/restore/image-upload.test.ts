import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import fc from 'fast-check';

import { asPortkeyError } from '../../libraries/errors/index.js';
import type { ImageChunk, ImagesReceived } from '../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../libraries/units/index.js';
import { eventually } from '../../tests/support/eventually.js';
import { openFilesIn } from '../../tests/support/open-files.js';
import { ImageUploads } from './image-upload.js';

const canary = 'nobody writes here';
const maxBytes = 20 * PAGE_BYTES;
/** What somebody has put into the folder. */
const planted = ['link.img', 'dangling.img', 'up.img', 'fifo.img', 'folder.img', 'file.img'] as const;

function chunk(name: string, content: string | Uint8Array = '', migrationId = 'm-1'): ImageChunk {
  return { migrationId, name, content: Buffer.from(content) };
}

async function* inTurn(chunks: readonly ImageChunk[]): AsyncGenerator<ImageChunk> {
  for (const each of chunks) yield await Promise.resolve(each);
}

describe('images that a VM sends', () => {
  let root = '';
  let folder = '';
  let uploads = new ImageUploads();

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'portkey-images-'));
    uploads = new ImageUploads();
    makeFolder();
  });

  afterEach(() => rmSync(root, { recursive: true }));

  function makeFolder(): void {
    folder = path.join(root, 'images', 'final');
    mkdirSync(path.join(folder, 'folder.img'), { recursive: true });
    mkdirSync(path.join(root, 'outside'));
    writeFileSync(path.join(root, 'outside', 'file'), canary);
    writeFileSync(path.join(folder, 'file.img'), canary);
    symlinkSync('../../outside/file', path.join(folder, 'link.img'));
    symlinkSync('../../outside/new', path.join(folder, 'dangling.img'));
    symlinkSync('../../outside', path.join(folder, 'up.img'));
    execFileSync('mkfifo', [path.join(folder, 'fifo.img')]);
  }

  /** The files that were sent. */
  function made(): string[] {
    return readdirSync(folder).filter((name) => !(planted as readonly string[]).includes(name));
  }

  function receive(chunks: Iterable<ImageChunk> | AsyncIterable<ImageChunk>): Promise<ImagesReceived> {
    const source = Symbol.asyncIterator in chunks ? chunks : inTurn([...chunks]);
    return uploads.receive(source, () => Promise.resolve({ folder, maxBytes }));
  }

  /** Nothing outside, and nothing that stood there, is other than it was. */
  function requireUntouched(): void {
    assert.deepEqual(readdirSync(root).sort(), ['images', 'outside']);
    assert.deepEqual(readdirSync(path.join(root, 'images')), ['final']);
    assert.deepEqual(readdirSync(path.join(root, 'outside')), ['file']);
    assert.equal(readFileSync(path.join(root, 'outside', 'file'), 'utf8'), canary);
    assert.equal(readFileSync(path.join(folder, 'file.img'), 'utf8'), canary);
    const kinds = planted.map((name) => lstatSync(path.join(folder, name)));
    assert.deepEqual(
      kinds.map((kind) => [kind.isSymbolicLink(), kind.isFIFO(), kind.isDirectory(), kind.isFile()]),
      [
        ...Array.from({ length: 3 }, () => [true, false, false, false]),
        ...[
          [false, true, false, false],
          [false, false, true, false],
          [false, false, false, true],
        ],
      ],
    );
  }

  it('land as they are, in pieces', async () => {
    const sent = [chunk('core-1.img'), chunk('', 'ab'), chunk('', 'cd'), chunk('descriptors.json', '[]')];
    assert.deepEqual(await receive(sent), { files: 2, bytes: 6 });
    assert.equal(readFileSync(path.join(folder, 'core-1.img'), 'utf8'), 'abcd');
    assert.equal(readFileSync(path.join(folder, 'descriptors.json'), 'utf8'), '[]');
  });

  it('are files of this folder that were not there, whatever their names say and the folder holds', async function () {
    this.timeout(120_000);
    const name = fc.oneof(
      fc.constantFrom('core-1.img', 'a.b', 'x'.repeat(101), 'x'.repeat(102), ...planted),
      fc.constantFrom(
        '..',
        '.',
        '../new',
        '/etc/portkey',
        'a/b',
        'a\0b',
        '.hidden',
        '',
        'é.img',
        'a\n',
        '-rf',
      ),
      fc.string({ unit: 'binary', maxLength: 300 }),
    );
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(PAGE_BYTES, 19 * PAGE_BYTES, 30 * PAGE_BYTES).map((length) => new Uint8Array(length)),
    );
    const chunks = fc.array(fc.record({ migrationId: fc.constantFrom('m-1', '../m', ''), name, content }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(chunks, async (sent) => {
        for (const each of made()) rmSync(path.join(folder, each));
        const all = sent.map((each) => ({ ...each, content: Buffer.from(each.content) }));
        const outcome = await receive(all).catch(asPortkeyError);
        if (outcome instanceof Error)
          assert.ok(
            ['invalid-argument', 'no-room'].includes(outcome.code),
            `${outcome.code}: ${outcome.message}`,
          );
        else
          assert.equal(
            outcome.bytes,
            all.reduce((sum, each) => sum + each.content.length, 0),
          );
        requireUntouched();
        const bytes = made().reduce((sum, each) => sum + lstatSync(path.join(folder, each)).size, 0);
        assert.ok(bytes <= maxBytes, `${bytes} bytes landed`);
      }),
      { numRuns: 400 },
    );
  });

  it('are no parent of theirs, which CRIU would look into', async () => {
    for (const name of ['parent', 'parent/pagemap-1.img'])
      await assert.rejects(receive([chunk(name)]), {
        code: 'invalid-argument',
        message: /not the name of an image/,
      });
    assert.deepEqual(await receive([chunk('parents.img')]), { files: 1, bytes: 0 });
    assert.deepEqual(made(), ['parents.img']);
  });

  it('take no more room than the migration has, by however many uploads and files', async () => {
    const page = new Uint8Array(PAGE_BYTES);
    let landed = 0;
    await assert.rejects(
      async () => {
        for (; landed < 100; landed += 1) await receive([chunk(`pages-${landed}.img`, page)]);
      },
      { code: 'no-room', message: /would take .* no more than 80 KiB/ },
    );
    // Each counts as a page more while it is new.
    assert.ok(landed >= 17 && landed <= 19, `${landed} landed`);
    for (const each of made()) rmSync(path.join(folder, each));
    const empty = Array.from({ length: 100 }, (_, index) => chunk(`empty-${index}.img`));
    await assert.rejects(receive(empty), { code: 'no-room' });
  });

  it('come by one upload at a time, and a sender that never ends holds up no other migration', async () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    async function* endless(): AsyncGenerator<ImageChunk> {
      yield chunk('core-1.img', 'a');
      await ended;
    }
    const first = receive(endless());
    await new Promise((resolve) => setTimeout(resolve, 20));
    await assert.rejects(receive([chunk('core-2.img')]), { code: 'transition-refused' });
    await receive([chunk('core-3.img', 'a', 'm-2')]);
    end();
    assert.deepEqual(await first, { files: 1, bytes: 1 });
    await receive([chunk('core-2.img')]);
  });

  it('are at an end with their migration, and keep no file open, though their sender never ends', async () => {
    async function* endless(): AsyncGenerator<ImageChunk> {
      yield chunk('core-1.img', 'a');
      await new Promise(() => undefined);
    }
    const first = receive(endless());
    const refused = assert.rejects(first, {
      code: 'stale-epoch',
      message: 'no more images of migration m-1 are taken: it is over',
    });
    await eventually('an image is open', () => openFilesIn(folder).length === 1);
    await uploads.end('m-2', 'it is over');
    assert.equal(openFilesIn(folder).length, 1, 'another migration’s stays');
    await uploads.end('m-1', 'it is over');
    assert.deepEqual(openFilesIn(folder), [], 'closed once it has ended');
    await refused;
    await receive([chunk('core-2.img', 'a')]);
    await uploads.end('m-1', 'nothing is open');
  });

  it('are of a migration whose id may be one, and say little of it where it may not', async () => {
    for (const id of ['m'.repeat(65), 'm'.repeat(60 * 2 ** 20), '../m', '', 'a\nb']) {
      const asked = (): Promise<never> => Promise.reject(new Error('it was looked for'));
      const outcome = await uploads
        .receive(inTurn([chunk('core-1.img', '', id)]), asked)
        .catch(asPortkeyError);
      assert.ok(outcome instanceof Error && outcome.code === 'invalid-argument');
      assert.ok(outcome.message.length < 300, `a message of ${outcome.message.length} characters`);
    }
  });

  it('go nowhere where the migration is not known', async () => {
    const refuse = (): Promise<never> => Promise.reject(new Error('unknown'));
    for (let time = 0; time < 2; time += 1)
      await assert.rejects(uploads.receive(inTurn([chunk('core-1.img')]), refuse), { message: 'unknown' });
    requireUntouched();
  });
});
