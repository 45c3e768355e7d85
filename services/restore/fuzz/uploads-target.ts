/**
 * What a hostile VM uploads as the images of a final dump, into the folder in which something stands already.
 *
 * Rules: an upload ends with what it has brought, or with an error that says whose fault it is; no more lands than was
 * announced; what stood there stays, and nothing beside the folder is read, written or made; no descriptor is left open.
 */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { asPortkeyError } from '../../../libraries/errors/index.js';
import { withoutNumbers, type Random, type Target } from '../../../libraries/fuzzing/index.js';
import type { ImageChunk, ImagesReceived } from '../../../libraries/rpc/index.js';
import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { ImageUploads } from '../image-upload.js';
import { plant, type Planted } from './planted.js';
import { WatchedFolders } from './watched-folders.js';

interface Chunk {
  readonly migrationId: string;
  readonly name: string;
  readonly byteLength: number;
}
/** Of uploads one after the other, with a chunk in each. */
export type Uploads = readonly (readonly Chunk[])[];

const maxBytes = 20 * PAGE_BYTES;
const maxChunks = 40;
const allowed: ReadonlySet<string> = new Set(['invalid-argument', 'no-room']);

/** What stands in the folder before. */
const standing: readonly Planted[] = [
  { kind: 'link', path: 'link.img', target: '../outside/pagemap-1.img' },
  { kind: 'link', path: 'dangling.img', target: '../outside/new' },
  { kind: 'link', path: 'up.img', target: '../outside' },
  { kind: 'link', path: 'parent', target: '../outside' },
  { kind: 'fifo', path: 'fifo.img' },
  { kind: 'folder', path: 'folder.img' },
  { kind: 'file', path: 'file.img', content: Buffer.from('stays'), byteLength: 2 ** 40 },
];

export function uploadsTarget(root: string): Target<Uploads> {
  const folders = new WatchedFolders(root);
  const chunk = (name: string, byteLength = 10): Chunk => ({ migrationId: 'm-1', name, byteLength });
  return {
    name: 'upload of images',
    seeds: [
      [[chunk('pstree.img'), chunk('', 30), chunk('core-1.img')]],
      [[chunk('a', 9 * PAGE_BYTES)], [chunk('b', 9 * PAGE_BYTES)], [chunk('c', 9 * PAGE_BYTES)]],
      ...standing.map(({ path: name }): Uploads => [[chunk(name)]]),
      [[chunk('')]],
    ],
    change: changeUploads,
    run: async (all) => {
      folders.clear();
      plant(folders.landing, folders.fifo, standing);
      const before = standing.map(({ path: name }) => stateOf(path.join(folders.landing, name)));
      const uploads = new ImageUploads();
      const outcomes: string[] = [];
      for (const chunks of all) outcomes.push(await upload(uploads, chunks, folders.landing));
      folders.requireUntouched();
      const after = standing.map(({ path: name }) => stateOf(path.join(folders.landing, name)));
      assert.deepEqual(after, before, 'what stood there is another one');
      requireWithinRoom(folders.landing);
      return outcomes.join('; ');
    },
    print: (all) => all.map((chunks) => JSON.stringify(chunks)).join('\n'),
  };
}

async function upload(uploads: ImageUploads, chunks: readonly Chunk[], folder: string): Promise<string> {
  try {
    const received = await uploads.receive(sent(chunks), () => Promise.resolve({ folder, maxBytes }));
    requireAll(chunks, received);
    return `${Math.min(received.files, 3)} files`.replace(/\d/, (count) => 'i'.repeat(Number(count)));
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown;
    const { code, message } = asPortkeyError(thrown);
    assert.ok(allowed.has(code), `${code}: ${message}`);
    // Names are told as they are.
    return `${code} ${withoutNumbers(message.replace(/^'.*'/s, '').replaceAll(folder, ''))}`;
  }
}

async function* sent(chunks: readonly Chunk[]): AsyncGenerator<ImageChunk> {
  for (const { migrationId, name, byteLength } of chunks)
    yield await Promise.resolve({ migrationId, name, content: Buffer.alloc(byteLength, 1) });
}

function requireAll(chunks: readonly Chunk[], { files, bytes }: ImagesReceived): void {
  assert.equal(
    bytes,
    chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  assert.equal(files, chunks.filter(({ name }) => name !== '').length);
}

function requireWithinRoom(folder: string): void {
  const names = readdirSync(folder).filter((name) => standing.every((each) => each.path !== name));
  const files = names.map((name) => lstatSync(path.join(folder, name)));
  assert.ok(files.every((file) => file.isFile()));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  assert.ok(bytes <= maxBytes, `${bytes} bytes landed`);
}

function stateOf(place: string): readonly number[] {
  const { mode, ino, size, mtimeMs, nlink } = lstatSync(place);
  return [mode, ino, size, mtimeMs, nlink];
}

function changeUploads(from: Uploads, other: Uploads, random: Random): Uploads {
  const changed = from.map((chunks) => [...chunks]);
  const chunks = changed[random.below(changed.length)] ?? [];
  const at = random.below(chunks.length + 1);
  switch (random.below(4)) {
    case 0:
      changed.push(...other.slice(random.below(other.length)).map((each) => [...each]));
      break;
    case 1:
      chunks.splice(at, 1);
      break;
    default:
      chunks.splice(at, random.below(2), {
        migrationId: random.pick(['m-1', 'm-1', 'm-2', '../m', '']),
        name: anyName(random),
        byteLength: random.pick([
          0,
          1,
          10,
          10,
          PAGE_BYTES,
          19 * PAGE_BYTES,
          20 * PAGE_BYTES,
          30 * PAGE_BYTES,
        ]),
      });
  }
  return changed.slice(0, 4).map((each) => each.slice(0, maxChunks));
}

function anyName(random: Random): string {
  if (random.once(3)) return random.pick(hostileNames);
  if (random.once(3)) return '';
  const name = random.pick(['pstree.img', 'core-1.img', 'core-2.img', 'ids-1.img', 'tmpfs.img']);
  if (random.once(2)) return name;
  const at = random.below(name.length);
  return name.slice(0, at) + random.pick(pieces) + name.slice(at + random.below(2));
}

const pieces: readonly [string, ...string[]] = [
  '/',
  '../',
  '\0',
  '\n',
  '\r',
  '\\',
  ' ',
  '.',
  '-',
  '%2f',
  'é',
  '\ud800',
  '\u202e',
];
const hostileNames: readonly [string, ...string[]] = [
  '..',
  '.',
  '../new',
  '../outside/new',
  '/etc/portkey-fuzz',
  'up.img/new',
  'folder.img/new',
  'folder.img/',
  'link.img',
  'dangling.img',
  'fifo.img',
  'file.img',
  'parent',
  '.hidden',
  'x'.repeat(101),
  'x'.repeat(102),
  'x'.repeat(5000),
];
