/**
 * CRIU mode: the image files that are not pages go from VM to VM, to the destination's restore service.
 *
 * Pages have gone to the page server by then; what is left is about 100 KiB, besides files that CRIU keeps whole
 * (a tmpfs's content). Files are read and sent in pieces; a link (`parent`) stays behind.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { RpcClient, type Security, type Sent } from '../../libraries/rpc/index.js';

const chunkBytes = 256 * 1024;
const deadlineMs = 60_000;

/** The restore service that takes them. */
export interface ImagesTo {
  readonly address: string;
  readonly vm: string;
}

/** Returns the bytes of all files together. */
export async function uploadImages(
  { address, vm }: ImagesTo,
  security: Security,
  migrationId: string,
  folder: string,
): Promise<number> {
  const peer = `the restore service of ${vm} at ${address}`;
  const client = new RpcClient('Restore', address, peer, security, { role: 'restore', name: vm });
  let bytes = 0;
  async function* counted(): AsyncGenerator<Sent<'Restore', 'PutImages'>> {
    for await (const chunk of chunksOf(migrationId, folder)) {
      bytes += chunk.content?.length ?? 0;
      yield chunk;
    }
  }
  try {
    await client.upload('PutImages', counted(), { deadlineMs });
    return bytes;
  } finally {
    client.close();
  }
}

async function* chunksOf(migrationId: string, folder: string): AsyncGenerator<Sent<'Restore', 'PutImages'>> {
  for (const name of await regularFiles(folder)) {
    yield { migrationId, name, content: Buffer.alloc(0) };
    for await (const content of createReadStream(path.join(folder, name), { highWaterMark: chunkBytes })) {
      yield { content: content as Buffer };
    }
  }
}

async function regularFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
