import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';

const module = new URL('./flushed.js', import.meta.url).href;

/** What a process that writes a long document and exits gets through a pipe whose reader takes its time. */
async function readSlowly(program: string): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  let length = 0;
  for await (const chunk of child.stdout) length += (chunk as Buffer).length;
  return length;
}

describe('the end of the command line', () => {
  const documentBytes = 2 ** 20;
  const write = `process.stdout.write('x'.repeat(${documentBytes}));`;

  it('waits until a long document is through the pipe', async () => {
    const program = `import { flushed } from '${module}'; ${write} await flushed(process.stdout); process.exit(0);`;
    assert.equal(await readSlowly(program), documentBytes);
  });
});
