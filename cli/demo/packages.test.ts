import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../scripts/install-packages.sh', import.meta.url));

describe('installing packages', () => {
  let folder = '';
  let policy = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-packages-'));
    policy = path.join(folder, 'policy-rc.d');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Calls functions of the script, which is root's and has this policy file. */
  const call = (commands: string): SpawnSyncReturns<string> => {
    const asRoot = 'as_root() { "$@"; }; can_be_root() { true; }';
    const all = `source ${script}; policy=${policy}; ${asRoot}; ${commands}`;
    return spawnSync('bash', ['-c', all], { encoding: 'utf8' });
  };
  const allThere = 'is_installed() { true; }; has_trixie_keys() { true; }; has_virtiofsd() { true; }';

  it('holds services back until it ends, whatever ends it but SIGKILL', () => {
    for (const ending of ['true', 'false', 'kill -TERM $$']) {
      const { stdout } = call(`hold_services_back; sh ${policy} || echo $?; ${ending}`);
      assert.equal(stdout, '101\n');
      assert.ok(!existsSync(policy), ending);
    }
  });

  it('takes over what a killed run left', () => {
    for (const next of ['hold_services_back', `${allThere}; main`]) {
      call('hold_services_back; kill -KILL $$');
      assert.ok(existsSync(policy));
      assert.equal(call(next).status, 0);
      assert.ok(!existsSync(policy), next);
    }
  });

  it("leaves another's policy alone, and that of a run that goes on", async () => {
    await writeFile(policy, '#!/bin/sh\nexit 101\n');
    call('hold_services_back');
    assert.equal(await readFile(policy, 'utf8'), '#!/bin/sh\nexit 101\n');
    await rm(policy);
    const { status } = call(`hold_services_back; before=$(cat $policy);
      (trap - EXIT; hold_services_back); bash -c 'source ${script}; policy=${policy}; hold_services_back'
      [ "$before" = "$(cat $policy)" ]`);
    assert.equal(status, 0);
  });
});
