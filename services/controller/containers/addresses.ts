/**
 * Addresses of containers: the configured range, and a MAC that follows from the address.
 *
 * The MAC is locally administered and carries the address's last three bytes, so two containers of one network
 * have the same one only if they have the same address.
 */
import { isIPv4 } from 'node:net';

import { PortkeyError } from '../../../libraries/errors/index.js';

export interface AddressRange {
  readonly first: string;
  readonly last: string;
  readonly prefix: number;
}

export function addressesOf({ first, last }: AddressRange): string[] {
  const [low, high] = [toNumber(first), toNumber(last)];
  return Array.from({ length: Math.max(0, high - low + 1) }, (_, index) => toText(low + index));
}

/** "10.77.0.100" → "02:70:6b:4d:00:64". */
export function macOf(address: string): string {
  const bytes = address.split('.').slice(1).map(Number);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0'));
  return ['02', '70', '6b', ...hex].join(':');
}

/** "10.77.0.100" or "10.77.0.100/24" → "10.77.0.100". Throws `invalid-argument`. */
export function checkAddress(text: string): string {
  const [address = '', prefix] = text.split('/');
  if (!isIPv4(address) || (prefix !== undefined && !/^\d{1,2}$/.test(prefix))) {
    throw new PortkeyError('invalid-argument', `'${text}' is not an IPv4 address; write it like 10.77.0.100`);
  }
  return address;
}

/** Throws `invalid-argument` for what is no MAC: it becomes a part of a command in the VM. */
export function checkMac(text: string): string {
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) return text;
  throw new PortkeyError(
    'invalid-argument',
    `'${text}' is not a MAC address; write it like 02:70:6b:4d:00:64`,
  );
}

const toNumber = (address: string): number =>
  address.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);

const toText = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
