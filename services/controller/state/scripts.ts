/**
 * The Lua scripts beside this file: loaded once, run by their hash.
 *
 * Redis runs a script as one step that nothing comes between; that is what makes each of them a transaction. A
 * Redis that does not know the hash (new, restarted, flushed) gets the text once more.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Redis } from 'ioredis';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { isReplyError } from './redis.js';

export type ScriptName =
  | 'create'
  | 'transition'
  | 'note'
  | 'take-over'
  | 'settle'
  | 'prune'
  | 'orphans'
  | 'take-slots'
  | 'free-slots'
  | 'lock'
  | 'unlock'
  | 'reserve-address'
  | 'release-address';

/** A script's answer: a word, and what belongs to it. */
export interface ScriptResult {
  readonly verdict: string;
  readonly detail: string;
}

export class Scripts {
  private readonly loaded = new Map<ScriptName, { text: string; sha: string }>();

  constructor(private readonly redis: Redis) {}

  async run(
    name: ScriptName,
    scriptKeys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<ScriptResult> {
    const { text, sha } = this.load(name);
    const operands = [...scriptKeys, ...args];
    let answer: unknown;
    try {
      answer = await this.redis.evalsha(sha, scriptKeys.length, ...operands);
    } catch (error) {
      if (!(isReplyError(error) && error.message.startsWith('NOSCRIPT'))) throw error;
      answer = await this.redis.eval(text, scriptKeys.length, ...operands);
    }
    return asResult(name, answer);
  }

  private load(name: ScriptName): { text: string; sha: string } {
    const known = this.loaded.get(name);
    if (known !== undefined) return known;
    const text = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
    const script = { text, sha: createHash('sha1').update(text).digest('hex') };
    this.loaded.set(name, script);
    return script;
  }
}

function asResult(name: ScriptName, answer: unknown): ScriptResult {
  if (!Array.isArray(answer) || typeof answer[0] !== 'string') {
    throw new PortkeyError('internal', `${name}.lua answered ${JSON.stringify(answer)}`);
  }
  return { verdict: answer[0], detail: typeof answer[1] === 'string' ? answer[1] : '' };
}
