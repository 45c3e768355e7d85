import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { placesOf } from '../paths.js';
import { loadRecipe } from './recipe.js';

describe('guest image recipe', () => {
  const original = path.join(placesOf(process.env).project, 'testbed/image');
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-recipe-'));
    await cp(path.join(original, 'recipe.json'), path.join(folder, 'recipe.json'));
    await cp(path.join(original, 'guest'), path.join(folder, 'guest'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has the same hash wherever it lies', async () => {
    assert.equal((await loadRecipe(folder)).hash, (await loadRecipe(original)).hash);
  });

  it('has another hash, but the same packages, when a guest file changes', async () => {
    const before = await loadRecipe(folder);
    const script = path.join(folder, 'guest/setup.sh');
    await writeFile(script, `${await readFile(script, 'utf8')}\n`);
    const after = await loadRecipe(folder);
    assert.notEqual(after.hash, before.hash);
    assert.equal(after.packagesHash, before.packagesHash);
  });

  it('has other packages when its list changes', async () => {
    const before = await loadRecipe(folder);
    const file = path.join(folder, 'recipe.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"criu"', '"criu", "strace"'));
    const after = await loadRecipe(folder);
    assert.notEqual(after.packagesHash, before.packagesHash);
    assert.ok(after.packages.includes('strace'));
  });

  it('names each wrong field', async () => {
    const file = path.join(folder, 'recipe.json');
    await writeFile(file, '{ "suite": 3, "colour": "red" }');
    await assert.rejects(loadRecipe(folder), /recipe\.json is wrong: suite: .*diskBytes.*colour/s);
  });
});
