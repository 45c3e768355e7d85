/**
 * CRIU mode: the image files that are not pages, sent by the source's checkpoint service into the folder of the
 * final dump.
 *
 * The first chunk of each file names it. A name is a plain file name: the sender is another VM, which is not
 * trusted to choose where its bytes go.
 */
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { PortkeyError } from '../../libraries/errors/index.js';
import type { ImageChunk, ImagesReceived } from '../../libraries/rpc/index.js';

const imageName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,100}$/;

export async function receiveImages(
  chunks: AsyncIterable<ImageChunk>,
  folderOf: (migrationId: string) => Promise<string>,
): Promise<ImagesReceived> {
  let file: FileHandle | undefined;
  let folder: string | undefined;
  const received = { files: 0, bytes: 0 };
  try {
    for await (const { migrationId, name, content } of chunks) {
      if (name !== '') {
        if (!imageName.test(name))
          throw new PortkeyError('invalid-argument', `'${name}' is not the name of an image file`);
        folder ??= await folderOf(migrationId);
        await file?.close();
        file = await open(path.join(folder, name), 'wx', 0o600);
        received.files += 1;
      }
      if (file === undefined)
        throw new PortkeyError('invalid-argument', 'the first chunk of a file must name it');
      await file.writeFile(content);
      received.bytes += content.length;
    }
    return received;
  } finally {
    await file?.close();
  }
}
