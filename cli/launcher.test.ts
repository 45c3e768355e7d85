/**
 * ./portkey and scripts/bootstrap.sh, in a project that has nothing else, with made-up `id` and `sudo`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const [old, recent] = [new Date('2020-01-01'), new Date('2020-01-02')];

describe('./portkey', function () {
  this.timeout(20_000);
  let root = '';

  const write = async (name: string, text: string, time: Date): Promise<void> => {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    await chmod(file, 0o755);
    await utimes(file, time, time);
  };

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'portkey-launcher-'));
    const folders = ['proto', 'libraries', 'services', 'testbed', 'cli', 'tests', 'grafana/source'];
    const sources = folders.map((name) => `${name}/file`);
    for (const name of [...sources, 'tsconfig.json', 'package-lock.json']) await write(name, '', old);
    for (const name of ['portkey', 'scripts/bootstrap.sh'])
      await write(name, await readFile(path.join(project, name), 'utf8'), old);
    await write('scripts/build.sh', 'echo built; touch "$(dirname "$0")/../build/.complete"\n', old);
    await write(
      'build/bundle/cli/portkey.mjs',
      'console.log(process.argv.slice(2).join(" "), process.env.PATH)\n',
      recent,
    );
    for (const name of ['build/.complete', 'node_modules/.package-lock.json']) await write(name, '', recent);
    await write('bin/id', '#!/bin/sh\necho 1000\n', old);
    await write('bin/sudo', '#!/bin/sh\n[ "$1" = -n ] && exit "$PASSWORD"\necho "sudo $*"\n', old);
  });
  afterEach(() => rm(root, { recursive: true }));

  interface Said {
    readonly stdout: string;
    readonly stderr: string;
    readonly status: number | null;
  }
  const environment = (): Record<string, string> => ({
    PATH: `${root}/bin:${process.env.PATH ?? ''}`,
    PASSWORD: '0',
  });
  const run = (args: readonly string[], env: Record<string, string> = {}): Said =>
    spawnSync(path.join(root, 'portkey'), args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { ...environment(), ...env },
    });

  it('runs what needs root through sudo, and says so', () => {
    const main = `${root}/build/bundle/cli/portkey.mjs`;
    for (const args of [
      ['demo', '--size', '64M'],
      ['bench', '--repeat', '5'],
      ['--json', '--controller', 'a:1', 'testbed', 'up', '--vms', '3'],
      ['testbed', '--verbose', 'down'],
    ]) {
      const { stdout, stderr } = run(args, { https_proxy: 'http://proxy' });
      assert.equal(
        stdout,
        `sudo --preserve-env=https_proxy -- ${process.execPath} ${main} ${args.join(' ')}\n`,
      );
      assert.equal(stderr, 'needs root: running through sudo\n');
    }
  });

  it('runs nothing else through sudo', () => {
    for (const args of [
      ['ps'],
      ['demo', '--help'],
      ['testbed', 'status'],
      ['testbed', 'exec', 'vm-a', '--', 'demo', 'up'],
      ['run', 'vm-a', 'demo', '--', 'testbed', 'up'],
      ['--controller', 'demo', 'ps'],
    ])
      assert.match(run(args).stdout, new RegExp(`^${args.join(' ')} /`));
  });

  it('leaves it to the command to refuse where sudo would ask and nobody can answer', () => {
    assert.match(run(['demo'], { PASSWORD: '1' }).stdout, /^demo /);
  });

  it('looks for programs where root would', () => {
    assert.match(
      run(['ps'], { PATH: `${root}/bin:${path.dirname(process.execPath)}:/usr/bin:/bin` }).stdout,
      /\/usr\/sbin:\/sbin\n$/,
    );
  });

  it('writes nothing while nothing is outdated, as the files may be another user’s', async () => {
    await mkdir(path.join(root, 'build/.bootstrap-lock'));
    assert.equal(run(['ps']).stderr, '');
    const now = new Date();
    await utimes(path.join(root, 'cli/file'), now, now);
    const { status, stderr } = run(['ps']);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^portkey: node_modules or build\/ is outdated and not for .* to write; use sudo, or .*chown.*\n$/,
    );
  });

  it('compiles what is outdated, once', async () => {
    const now = new Date();
    await utimes(path.join(root, 'cli/file'), now, now);
    assert.equal(run(['ps']).stderr, 'compiling\nbuilt\n');
    assert.equal(run(['ps']).stderr, '');
  });

  it('installs npm packages alone for who only wants them', async () => {
    await rm(path.join(root, 'node_modules'), { recursive: true });
    await write(
      'bin/npm',
      '#!/bin/sh\nmkdir node_modules; echo "npm $1" | tee node_modules/.package-lock.json\n',
      old,
    );
    const script = path.join(root, 'scripts/bootstrap.sh');
    const packages = (): string =>
      spawnSync('bash', [script, 'packages'], { encoding: 'utf8', env: environment() }).stderr;
    assert.equal(packages(), 'installing npm packages\nnpm ci\n');
    assert.equal(packages(), '');
  });
});
