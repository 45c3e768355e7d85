/**
 * Arguments of the programs that try services hard, as fuzzing and floods do. One that is wrong ends the program with 2 and
 * one line, before it has begun: what runs with a number that is none finds nothing, or finds what is not there.
 */
import { asPortkeyError, PortkeyError } from '../errors/index.js';

/** Throws `invalid-argument`. */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new PortkeyError(
      'invalid-argument',
      `${flag} '${text}': write a whole number from ${least} to ${most}`,
    );
  return value;
}

/** Each once, in the order of `all`. Throws `invalid-argument`. */
export function someOf<T extends string>(flag: string, text: string, all: readonly T[]): T[] {
  const words = text.split(',').map((word) => word.trim());
  for (const word of words)
    if (!all.some((each) => each === word))
      throw new PortkeyError('invalid-argument', `${flag} '${word}' is none of: ${all.join(', ')}`);
  return all.filter((each) => words.includes(each));
}

/** What `read` makes of the arguments; does not return where it throws. */
export function argumentsOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(asPortkeyError(error).message.replaceAll(/\s*\n\s*/g, ' '));
    process.exit(2);
  }
}
