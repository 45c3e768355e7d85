/**
 * Values of command line options, with errors that name the option.
 */
import { InvalidArgumentError, Option } from 'commander';

import { asPortkeyError } from '../libraries/errors/index.js';
import { parseBitRate, parseBytes, parseMilliseconds } from '../libraries/units/index.js';

const longestDowntimeMs = 3_600_000;

export type ModeName = 'portkey' | 'criu';
export type Accelerator = 'auto' | 'kvm' | 'tcg';

/** An option whose help shows the default as one would write it. */
export function optionWithDefault(
  flags: string,
  description: string,
  parse: (text: string) => unknown,
  standard: string,
): Option {
  return new Option(flags, description).argParser(parse).default(parse(standard), standard);
}

const parsed =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(asPortkeyError(error).message);
    }
  };

const listOf =
  <T>(parse: (text: string) => T) =>
  (text: string): T[] => {
    const items = text.split(',').map((item) => item.trim());
    if (items.includes('')) throw new InvalidArgumentError('write values with commas between them');
    return items.map(parse);
  };

export const size = parsed(parseBytes);
const milliseconds = parsed(parseMilliseconds);
const bytesPerSecond = parsed(parseBitRate);

/** Whole milliseconds. Zero would be the controller's default on the wire. */
export function downtime(text: string): number {
  const value = Math.ceil(milliseconds(text));
  if (value < 1 || value > longestDowntimeMs) throw new InvalidArgumentError('write a time from 1ms to 60m');
  return value;
}

/** Whole bytes per second. Zero would be no cap on the wire. */
export function bandwidth(text: string): number {
  const value = Math.round(bytesPerSecond(text));
  if (value < 1) throw new InvalidArgumentError('a cap leaves some speed; leave the option out for none');
  return value;
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}`);
    return value;
  };
}

/** The link's speed stays as `tc` reads it. */
export function linkSpeed(text: string): string {
  if (bytesPerSecond(text) <= 0) throw new InvalidArgumentError('a link needs some speed');
  return text;
}

export function batch(text: string): string {
  if (!/^(adaptive|fixed:[1-9]\d*)$/.test(text))
    throw new InvalidArgumentError("write 'adaptive' or 'fixed:N' with N pages");
  return text;
}

export function network(text: string): 'own' | 'host' {
  if (text !== 'own' && text !== 'host') throw new InvalidArgumentError("write 'own' or 'host'");
  return text;
}

export function workload(text: string): 'redis' {
  if (text !== 'redis') throw new InvalidArgumentError("the only one is 'redis'");
  return text;
}

export function accelerator(text: string): Accelerator {
  if (text !== 'auto' && text !== 'kvm' && text !== 'tcg')
    throw new InvalidArgumentError("write 'auto', 'kvm' or 'tcg'");
  return text;
}

export function mode(text: string): ModeName {
  if (text !== 'portkey' && text !== 'criu') throw new InvalidArgumentError("write 'portkey' or 'criu'");
  return text;
}

/** The container's name becomes part of file names and of a namespace's name. */
export function containerName(text: string): string {
  if (!/^[a-z0-9][a-z0-9_.-]{0,39}$/i.test(text))
    throw new InvalidArgumentError('a name has up to 40 letters, digits, dots, dashes and underscores');
  return text;
}

export function environmentEntry(text: string, earlier: readonly string[] = []): string[] {
  if (!/^[A-Za-z_]\w*=/.test(text)) throw new InvalidArgumentError('write it like NAME=value');
  return [...earlier, text];
}

export function repeated(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

export const sizes = listOf(size);
export const modes = listOf(mode);
