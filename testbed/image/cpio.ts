/**
 * The "newc" cpio format, as the kernel reads an initial RAM file system
 * (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * Each entry: magic 070701, 13 numbers of 8 hex digits, the name with its NUL, padding to 4 bytes, the content,
 * padding to 4 bytes; the last entry is named TRAILER!!!. Every time, owner and device number is 0, so the same
 * entries make the same bytes. Content may be compressed as a whole; it is not here.
 */
export interface CpioEntry {
  /** Relative, without leading slash; folders before what is in them. */
  readonly name: string;
  /** Type and permission bits, as in stat(2). */
  readonly mode: number;
  readonly content?: Buffer;
}

export const folderMode = 0o040755;
export const programMode = 0o100755;
export const fileMode = 0o100644;

export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => header(entry, index + 1));
  return Buffer.concat([...parts, header({ name: 'TRAILER!!!', mode: 0 }, 0)]);
}

function header({ name, mode, content = Buffer.alloc(0) }: CpioEntry, inode: number): Buffer {
  const links = mode === folderMode ? 2 : 1;
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(head)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
