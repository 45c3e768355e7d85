/**
 * A network interface's switch: up or down (netdevice(7), SIOCGIFFLAGS and SIOCSIFFLAGS).
 *
 * The same as `ip link set`, without a process: this is done while a container stands still.
 * Works in the calling process's network namespace and needs CAP_NET_ADMIN.
 */
import { closeSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import { ioctl, SOCK_CLOEXEC, socket } from './descriptor-calls.js';
import { libcError } from './library.js';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** struct ifreq: the name with its NUL, then a union whose first two bytes are the flags. */
const requestBytes = 40;
const nameBytes = 16;

/** Throws `invalid-argument` for a name that no interface can have, `command-failed` where the kernel refuses. */
export function setInterface(name: string, up: boolean): void {
  if (Buffer.byteLength(name) >= nameBytes)
    throw new PortkeyError('invalid-argument', `'${name}' is too long for an interface's name`);
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw libcError('socket', name, 'command-failed');
  try {
    const request = Buffer.alloc(requestBytes);
    request.write(name);
    // SAFETY: both calls read and write a struct ifreq, which the buffer is.
    if (ioctl(fd, SIOCGIFFLAGS, request) !== 0) throw libcError('SIOCGIFFLAGS', name, 'command-failed');
    const flags = request.readInt16LE(nameBytes);
    request.writeInt16LE(up ? flags | IFF_UP : flags & ~IFF_UP, nameBytes);
    if (ioctl(fd, SIOCSIFFLAGS, request) !== 0) throw libcError('SIOCSIFFLAGS', name, 'command-failed');
  } finally {
    closeSync(fd);
  }
}
