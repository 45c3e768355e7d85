/** Calls that more than one file of this folder makes. */
import { libc } from './library.js';

export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number;
export const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)') as (
  fd: number,
  request: number,
  argument: Buffer,
) => number;

/** A type's flag in `socket`. */
export const SOCK_CLOEXEC = 0x80000;
