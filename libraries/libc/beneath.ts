/**
 * Files and folders below a folder that someone else can write to, without ever following them out of it.
 *
 * A guest can plant links in the folder that it shares with its host. So every path is opened by openat2(2) with
 * RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, relative to a descriptor of the folder: a link, `..` or a mount on the
 * way is an error, whatever happens between the check and the use, because there is no gap between them. What is
 * opened as a file must be a regular one: a FIFO or a device planted there is refused without waiting for it. Whatever
 * stands in the place of a file or a folder and is none is `share-tampered`.
 */
import { closeSync, constants, fstatSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import { errnoName, errorCodeOf, libc, libcError } from './library.js';

const SYS_openat2 = 437;
const syscall = libc.func('int64_t syscall(int64_t number, ...)') as (
  number: number,
  ...args: unknown[]
) => number;
const mkdirat = libc.func('int mkdirat(int folder, const char *name, uint32_t mode)') as (
  folder: number,
  name: string,
  mode: number,
) => number;

const RESOLVE_NO_XDEV = 0x01n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
/** How openat2 and mkdirat say that something else stands there: a link or a mount, a file, a folder, a socket. */
const tamperedErrnos: readonly string[] = ['ELOOP', 'EXDEV', 'ENOTDIR', 'EISDIR', 'ENXIO'];
export const maxPathParts = 8;

/** Where a folder is; can be told to other threads. */
export interface FolderPlace {
  /** A folder whose path is trusted. */
  readonly root: string;
  /** Below it ('a/b'), through folders that someone else can write to. */
  readonly name: string;
}

/** A folder's descriptor and its owner. `close` is idempotent. */
export class Folder {
  private open = true;

  private constructor(
    private readonly descriptor: number,
    /** For messages. */
    readonly path: string,
  ) {}

  /** Opens a folder by a path that is trusted: nobody else can write to its parents. They may be links, it may not. */
  static open(path: string): Folder {
    const flags = BigInt(constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC);
    return new Folder(openat2(AT_FDCWD, path, flags, 0n, 0n), path);
  }

  /** Opens one that is there. */
  static openBeneath({ root, name }: FolderPlace): Folder {
    const top = Folder.open(root);
    try {
      return top.folder(name, { create: false });
    } finally {
      top.close();
    }
  }

  get fd(): number {
    if (!this.open) throw new PortkeyError('internal', `${this.path} was closed`);
    return this.descriptor;
  }

  /** Opens the folder `name` ('a/b') below this one, making what is missing of it if asked to. */
  folder(name: string, options: { readonly create: boolean }): Folder {
    const parts = pathParts(name);
    if (options.create) parts.forEach((_, index) => this.makeFolder(parts.slice(0, index + 1).join('/')));
    const flags = BigInt(constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC);
    const path = `${this.path}/${name}`;
    return new Folder(openat2(this.fd, name, flags, 0n, resolve, path), path);
  }

  /** A regular file below this folder, made where it is missing, for reading and writing. Returns its descriptor. */
  openForWriting(name: string): number {
    const parts = pathParts(name);
    if (parts.length > 1) this.folder(parts.slice(0, -1).join('/'), { create: true }).close();
    return this.openFile(name, constants.O_RDWR | constants.O_CREAT, 0o600n);
  }

  /** A regular file below this folder, for reading. Returns its descriptor, which is the caller's to close. */
  openForReading(name: string): number {
    return this.openFile(name, constants.O_RDONLY, 0n);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.descriptor);
  }

  private openFile(name: string, flags: number, mode: bigint): number {
    pathParts(name);
    const all = BigInt(flags | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC);
    const fd = openat2(this.fd, name, all, mode, resolve, `${this.path}/${name}`);
    if (!fstatSync(fd).isFile()) {
      closeSync(fd);
      throw tampered(`${this.path}/${name}`);
    }
    return fd;
  }

  /** Makes the last folder of the path; the ones before it exist. */
  private makeFolder(name: string): void {
    const parts = pathParts(name);
    const last = parts.at(-1) ?? '';
    const parent = parts.length > 1 ? this.folder(parts.slice(0, -1).join('/'), { create: false }) : this;
    try {
      if (mkdirat(parent.fd, last, 0o700) !== 0 && errnoName() !== 'EEXIST') {
        throw libcError('mkdir', `${this.path}/${name}`);
      }
    } finally {
      if (parent !== this) parent.close();
    }
  }
}

/** The parts of a relative path that names something below a folder. Throws `invalid-argument` for any other. */
export function pathParts(name: string): string[] {
  const parts = name.split('/');
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && part.length <= 255);
  if (!plain || parts.length > maxPathParts || name.includes('\0')) {
    throw new PortkeyError('invalid-argument', `'${name}' is not the name of a file below a folder`);
  }
  return parts;
}

function openat2(
  folder: number,
  path: string,
  flags: bigint,
  mode: bigint,
  resolution: bigint,
  subject: string = path,
): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(flags, 0);
  how.writeBigUInt64LE(mode, 8);
  how.writeBigUInt64LE(resolution, 16);
  // SAFETY: struct open_how has 24 bytes; path is a string that koffi terminates.
  const fd = syscall(SYS_openat2, 'int', folder, 'const char *', path, 'void *', how, 'size_t', how.length);
  if (fd >= 0) return fd;
  const error = libcError('open', subject);
  throw tamperedErrnos.includes(errorCodeOf(error) ?? '') ? tampered(subject, error.cause) : error;
}

export function tampered(path: string, cause?: unknown): PortkeyError {
  return new PortkeyError(
    'share-tampered',
    `${path} is, or is behind, a link or something else that is no file or folder of ours, or lies deeper than those do; whoever can write there, as a VM to its share, has put it there: remove it`,
    { cause },
  );
}
