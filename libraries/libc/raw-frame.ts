/**
 * One Ethernet frame out of an interface, as it is: an AF_PACKET socket, for announcements such as gratuitous ARP.
 *
 * Works in the calling process's network namespace and needs CAP_NET_RAW.
 */
import { closeSync } from 'node:fs';

import { PortkeyError } from '../errors/index.js';
import { SOCK_CLOEXEC, socket } from './descriptor-calls.js';
import { libc, libcError } from './library.js';

const ifNameToIndex = libc.func('uint32_t if_nametoindex(const char *name)') as (name: string) => number;
const sendto = libc.func(
  'int64_t sendto(int fd, void *bytes, size_t length, int flags, void *address, uint32_t addressLength)',
) as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number;

const AF_PACKET = 17;
const SOCK_RAW = 3;
const minFrameBytes = 14;
const maxFrameBytes = 1514;

/** `frame` starts with the destination's MAC. Throws `invalid-argument` for one that is no Ethernet frame. */
export function sendRawFrame(interfaceName: string, frame: Buffer): void {
  if (frame.length < minFrameBytes || frame.length > maxFrameBytes) {
    throw new PortkeyError('invalid-argument', `an Ethernet frame cannot have ${frame.length} bytes`);
  }
  const index = ifNameToIndex(interfaceName);
  if (index === 0) throw libcError('if_nametoindex', interfaceName);
  const fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) throw libcError('socket', interfaceName);
  try {
    const address = linkAddress(index, frame);
    // SAFETY: both lengths are those of their buffers.
    if (sendto(fd, frame, frame.length, 0, address, address.length) !== frame.length) {
      throw libcError('sendto', interfaceName);
    }
  } finally {
    closeSync(fd);
  }
}

/** struct sockaddr_ll: family, protocol, interface, type, packet type, address length, address. */
function linkAddress(index: number, frame: Buffer): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  frame.copy(address, 2, 12, 14);
  address.writeInt32LE(index, 4);
  address.writeUInt8(6, 11);
  frame.copy(address, 12, 0, 6);
  return address;
}
