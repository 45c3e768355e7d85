import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const run = (program: 'fuzz' | 'flood', ...args: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(`../${program}/main.js`, import.meta.url)), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });

describe('the programs that try the relay hard', function () {
  this.timeout(120_000);

  for (const [program, args, message] of [
    ['fuzz', ['--cases', 'ten'], /^--cases 'ten': write a whole number from 1 to/],
    ['fuzz', ['--cases', '0'], /^--cases '0': write a whole number from 1 to/],
    ['fuzz', ['--cases', ''], /^--cases '': write/],
    ['fuzz', ['--cases', '1e3'], /^--cases '1e3': write/],
    ['fuzz', ['--seed', 'x'], /^--seed 'x': write a whole number from 0 to 4294967295/],
    ['fuzz', ['--case', '5'], /^Unknown option '--case'/],
    ['flood', ['--pairs', 'x'], /^--pairs 'x': write a whole number from 1 to/],
    ['flood', ['--pairs', '0'], /^--pairs '0': write/],
    ['flood', ['--floods', 'typo'], /^--floods 'typo' is none of: rubbish, bad frame, /],
    ['flood', ['--floods', 'opens,'], /^--floods '' is none of/],
    ['flood', ['more'], /^Unexpected argument 'more'/],
  ] as const)
    it(`refuse ${program} ${args.join(' ')} in one line, with exit code 2`, () => {
      const { status, stdout, stderr } = run(program, ...args);
      assert.deepEqual([status, stdout], [2, ''], stderr);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });

  it('run as many cases as they are told', () => {
    const { status, stdout } = run('fuzz', '--cases', '100', '--seed', '7');
    assert.equal(status, 0, stdout);
    assert.match(
      stdout,
      /^seed 7\n[^:]+: 92 cases.*\n[^:]+: 3 cases.*\n[^:]+: 2 cases.*\n([^:]+: 1 cases.*\n){3}no rule was broken\n$/,
    );
  });
});
