/**
 * What a hostile VM, host or relay has put into the folder that a container is restored from: files that are longer than
 * their content, and what is no file in the place of one.
 */
import { linkSync, lstatSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Random } from '../../../libraries/fuzzing/index.js';
import { changeImage, hostileImage } from './hostile-images.js';

export interface PlantedFile {
  readonly kind: 'file';
  readonly path: string;
  readonly content: Buffer;
  /** Where it is more than the content, the rest is a hole; where it is less, the content is cut off. */
  readonly byteLength: number;
}

export type Planted =
  | PlantedFile
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'fifo'; readonly path: string };

/** `fifo`: one that is there; making one takes a process. What cannot be put where it says is left out. */
export function plant(landing: string, fifo: string, all: readonly Planted[]): void {
  for (const each of all) {
    const place = path.join(landing, each.path);
    if (!makeFolders(landing, path.dirname(each.path)) || kindOf(place) !== 'nothing') continue;
    if (each.kind === 'folder') mkdirSync(place);
    else if (each.kind === 'link') symlinkSync(each.target, place);
    else if (each.kind === 'fifo') linkSync(fifo, place);
    else {
      writeFileSync(place, each.content);
      if (each.byteLength !== each.content.length) truncateSync(place, each.byteLength);
    }
  }
}

/** False where something else stands on the way, which must not be followed. */
function makeFolders(landing: string, folder: string): boolean {
  const parts = folder === '.' ? [] : folder.split('/');
  let place = landing;
  for (const part of parts) {
    place = path.join(place, part);
    const kind = kindOf(place);
    if (kind === 'nothing') mkdirSync(place);
    else if (kind !== 'folder') return false;
  }
  return true;
}

function kindOf(place: string): 'nothing' | 'folder' | 'other' {
  const status = lstatSync(place, { throwIfNoEntry: false });
  return status === undefined ? 'nothing' : status.isDirectory() ? 'folder' : 'other';
}

/** One change: of an image's bytes, of how long it is, of its name, or of what stands in its place. What comes first stays. */
export function changePlanted(
  from: readonly Planted[],
  other: readonly Planted[],
  random: Random,
): Planted[] {
  const changed = [...from];
  const at = random.below(changed.length + 1);
  const [chosen, another] = [changed[at], other[random.below(other.length)]];
  const place = chosen?.path ?? random.pick(places);
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: {
      const images = changed.flatMap((each, index) => (each.kind === 'file' ? [{ each, index }] : []));
      const image = images[random.below(images.length)];
      if (image === undefined) break;
      const content = changeImage(image.each.content, contentOf(another), random);
      changed[image.index] = { ...image.each, content, byteLength: content.length };
      break;
    }
    case 3:
      if (chosen?.kind === 'file') changed[at] = { ...chosen, byteLength: random.pick(lengths) };
      break;
    case 4:
      changed.splice(at, 1);
      break;
    case 5:
      // Before what stood there, which is left out then.
      changed.unshift({
        kind: 'link',
        path: random.once(3) ? place : random.pick(places),
        target: random.pick(targets),
      });
      break;
    case 6:
      changed.unshift({
        kind: random.pick(['fifo', 'folder']),
        path: random.once(3) ? place : random.pick(places),
      });
      break;
    default: {
      const content = random.once(2) ? contentOf(another) : hostileImage(random);
      changed.unshift({ kind: 'file', path: random.pick(places), content, byteLength: content.length });
    }
  }
  return changed.slice(0, maxPlanted);
}

export function printPlanted(all: readonly Planted[]): string {
  const lines = all.map((each) => {
    if (each.kind === 'file')
      return `${each.path}: ${each.byteLength} bytes, ${each.content.toString('hex')}`;
    return `${each.path}: ${each.kind === 'link' ? `link to ${each.target}` : each.kind}`;
  });
  return lines.join('\n');
}

function contentOf(planted: Planted | undefined): Buffer {
  return planted?.kind === 'file' ? planted.content : Buffer.from('nothing of a file');
}

const maxPlanted = 24;

/** A file as long as that costs its sender a page, or nothing. */
const lengths: readonly [number, ...number[]] = [
  0,
  3,
  8,
  4095,
  4096,
  8192,
  2 ** 20,
  2 ** 20 + 1,
  2 ** 24,
  2 ** 24 + 1,
  2 ** 31 - 2,
  2 ** 31,
  2 ** 40,
];

const places: readonly [string, ...string[]] = [
  'final',
  'memory',
  'final/parent',
  'final/parent',
  'memory/parent',
  'final/parent/pagemap-1.img',
  'memory/parent/pagemap-1.img',
  'memory/pagemap-1.img',
  'memory/pages-1.img',
  `memory/pages-${'9'.repeat(244)}.img`,
  'memory/pages-00000000001.img',
  'memory/pages-99999999999.img',
  'memory/pages-1.img.img',
  'final/pagemap-1.img',
  'final/pagemap-0001.img',
  'final/pagemap-99999999999999999999.img',
  'final/pagemap-2147483648.img',
  'final/pagemap-shmem-3.img',
  'final/pages-1.img',
  'final/pstree.img',
  'final/core-1.img',
  'final/core-4294967295.img',
  '0/parent',
  '1/parent',
  '1/pagemap-1.img',
];

const targets: readonly [string, ...string[]] = [
  '.',
  '..',
  '../final',
  '../memory',
  '../0',
  '../1',
  '../../outside',
  '../../outside/pagemap-1.img',
  '../../outside/pages-1.img',
  '../../outside/pstree.img',
  '../../outside/core-1.img',
  '../../outside/new',
  '../outside',
  '../../fifo',
  '/dev/zero',
  '/proc/self/mem',
  'pagemap-1.img',
  'pages-1.img',
  'nowhere',
];
