/**
 * Which code a run of the matrix is about: a digest of all that a test bed runs, and of the matrix with what it uses, which judges that, so that
 * results of several runs count together only where both were the same in all of them. Other tests are not part of it.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const folders = ['libraries', 'proto', 'services', 'testbed', 'tests/e2e/support', 'tests/faults'];
const files = ['package-lock.json'];

/** Of the project in `root`: SHA-256 of names and contents, in hexadecimal. */
export async function codeDigest(root: string): Promise<string> {
  const hash = createHash('sha256');
  const found = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
    }),
  );
  for (const name of [...found.flat().filter(isCode), ...files].sort()) {
    const content = await readFile(path.join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function isCode(name: string): boolean {
  return !name.endsWith('.test.ts') && !name.split(path.sep).includes('generated');
}
