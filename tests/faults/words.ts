/** What was said on the command line, as what it means. Throws, with the way out, where it means nothing. */

/** A list of names, or all of them where nothing was said. */
export function chosen<T extends string>(text: string | undefined, all: readonly T[]): T[] {
  if (text === undefined) return [...all];
  return text.split(',').map((word) => {
    const found = all.find((each) => each === word.trim());
    if (found === undefined) throw new Error(`'${word}' is none of: ${all.join(', ')}`);
    return found;
  });
}

/** `Number` would take much more for one: '', '1e3', '0x10'. */
export function positiveNumber(option: string, text: string): number {
  const number = /^[1-9]\d*$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number))
    throw new Error(`--${option} takes a whole number from 1 on, not '${text}'`);
  return number;
}
