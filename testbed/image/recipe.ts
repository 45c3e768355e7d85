/**
 * The guest image's recipe: recipe.json, the files in guest/ that it names, and the builder's own version.
 *
 * Its hash names the built image, so whatever changes the image must be part of it. Package versions are not:
 * they are what the archive had when the packages were fetched, and are kept in the image's manifest.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { PortkeyError } from '../../libraries/errors/index.js';

/** Raise it when the builder makes something else of the same recipe. */
const builderVersion = 2;

const recipeSchema = z.strictObject({
  suite: z.string(),
  component: z.string(),
  /** The kernel's meta package. It is unpacked, not installed: the guest boots without a boot loader. */
  kernel: z.string(),
  packages: z.array(z.string()).min(1),
  /** Paths that dpkg leaves out. */
  leaveOut: z.array(z.string()),
  /** Paths below /usr/lib/modules/VERSION, loaded in this order before the root disk is mounted. */
  initrdModules: z.array(z.string()),
  initrdInit: z.string(),
  guestFiles: z.record(z.string(), z.strictObject({ from: z.string(), mode: z.string() })),
  diskBytes: z.number().int().positive(),
  sourceDateEpoch: z.number().int().positive(),
});

export interface GuestFile {
  /** Absolute path in the guest. */
  readonly target: string;
  readonly mode: number;
  readonly content: Buffer;
}

export interface Recipe {
  readonly hash: string;
  /** Names the set of packages to fetch. */
  readonly packagesHash: string;
  readonly suite: string;
  readonly component: string;
  readonly kernel: string;
  readonly packages: readonly string[];
  readonly leaveOut: readonly string[];
  readonly initrdModules: readonly string[];
  readonly initrdInit: Buffer;
  readonly guestFiles: readonly GuestFile[];
  readonly diskBytes: number;
  readonly sourceDateEpoch: number;
}

/** Reads `folder`/recipe.json and `folder`/guest/. Throws `testbed-failed` where it does not hold together. */
export async function loadRecipe(folder: string): Promise<Recipe> {
  const text = await readFile(path.join(folder, 'recipe.json'), 'utf8');
  const parsed = recipeSchema.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new PortkeyError('testbed-failed', `the image's recipe.json is wrong: ${problems.join('; ')}`);
  }
  const { suite, component, kernel, packages } = parsed.data;
  const guestFiles = await Promise.all(
    Object.entries(parsed.data.guestFiles).map(async ([target, { from, mode }]) => ({
      target,
      mode: Number.parseInt(mode, 8),
      content: await readFile(path.join(folder, 'guest', from)),
    })),
  );
  const initrdInit = await readFile(path.join(folder, 'guest', parsed.data.initrdInit));
  return {
    ...parsed.data,
    guestFiles,
    initrdInit,
    hash: hashOf(String(builderVersion), text, initrdInit, ...guestFiles.map((file) => file.content)),
    packagesHash: hashOf(JSON.stringify([suite, component, kernel, [...packages].sort()])),
  };
}

function hashOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(createHash('sha256').update(part).digest());
  return hash.digest('hex').slice(0, 16);
}
