import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';

import { filesOf } from '../libraries/certificates/index.js';
import { runCommand } from '../libraries/process/index.js';
import { readSecurity, RpcServer } from '../libraries/rpc/index.js';
import { makeBedCertificates } from './certificates.js';
import { execInGuest, type ExecOptions } from './exec.js';
import { guestService } from './guest-agent/exec-service.js';
import { certificatesFolder, topologyOf, type VmPlace } from './topology.js';

describe('exec', () => {
  let folder = '';
  let vm: VmPlace;
  let server: RpcServer;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'portkey-exec-'));
    const [place] = topologyOf(1, folder).vms;
    assert.ok(place);
    vm = place;
    await makeBedCertificates([vm], [], certificatesFolder(folder), runCommand);
    server = new RpcServer(readSecurity(filesOf(vm.certificates, { role: 'guest', name: vm.name })));
    server.add('Guest', guestService);
    await server.listen([`unix:${vm.agents.guest.socket}`]);
  });
  after(async () => {
    await server.stop(100);
    await rm(folder, { recursive: true });
  });

  async function run(
    command: string[],
    options: Partial<ExecOptions> = {},
  ): Promise<{ code: number; out: Buffer; err: string }> {
    const [out, err] = [collector(), collector()];
    const code = await execInGuest(vm, command, {
      stdout: out.stream,
      stderr: err.stream,
      directory: folder,
      deadlineMs: 20_000,
      ...options,
    });
    return { code, out: out.bytes(), err: err.bytes().toString() };
  }

  it('keeps the two outputs apart and returns the exit code', async () => {
    const { code, out, err } = await run(['sh', '-c', 'echo out; echo err >&2; exit 37']);
    assert.deepEqual([code, out.toString(), err], [37, 'out\n', 'err\n']);
  });

  it('returns 128 + number for a signal', async () => {
    assert.equal((await run(['sh', '-c', 'kill -KILL $$'])).code, 137);
  });

  it('carries binary input and output of any size, in order', async () => {
    const bytes = randomBytes(3_000_001);
    const stdin = Readable.from([
      bytes.subarray(0, 5),
      bytes.subarray(5, 2_000_000),
      bytes.subarray(2_000_000),
    ]);
    assert.ok((await run(['cat'], { stdin })).out.equals(bytes));
  });

  it('closes the input where there is none', async () => {
    assert.equal((await run(['cat'])).code, 0);
  });

  it('does not wait for a daemon that keeps the outputs open', async () => {
    const { out } = await run(['sh', '-c', 'sleep 20 & echo $!']);
    const pid = Number(out.toString());
    assert.ok(isRunning(pid), 'it lives on');
    process.kill(pid, 'SIGKILL');
  });

  it('gives all output to a slow reader before it reports the end', async () => {
    let read = 0;
    const stdout = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        read += chunk.length;
        setTimeout(done, 5);
      },
    });
    assert.equal((await run(['sh', '-c', 'head -c 4000000 /dev/zero'], { stdout })).code, 0);
    assert.equal(read, 4_000_000);
  });

  it('sets the environment and the folder', async () => {
    const { out } = await run(['sh', '-c', 'echo $COLOUR; pwd'], { env: { COLOUR: 'red' }, directory: '/' });
    assert.equal(out.toString(), 'red\n/\n');
  });

  it('passes signals on to all that the command started', async () => {
    const stdout = new PassThrough();
    const ready = new Promise((resolve) => stdout.once('data', resolve));
    const onSignal = (pass: (signal: NodeJS.Signals) => void): (() => void) => {
      void ready.then(() => pass('SIGTERM'));
      return () => undefined;
    };
    const script = "trap 'echo told; exit 5' TERM; sleep 30 & echo ready; wait";
    assert.equal((await run(['sh', '-c', script], { stdout, onSignal })).code, 5);
  });

  it('kills the command when the caller gives up', async () => {
    const stdout = new PassThrough();
    const line = new Promise<Buffer>((resolve) => stdout.once('data', resolve));
    const caller = new AbortController();
    const call = run(['sh', '-c', 'echo $$; sleep 30'], { stdout, signal: caller.signal });
    const pid = Number((await line).toString());
    caller.abort();
    await assert.rejects(call, { code: 'cancelled' });
    for (let tries = 0; isRunning(pid) && tries < 100; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(isRunning(pid), false);
  });

  it('ends, and ends the command, when nobody reads the output any more', async () => {
    const stdout = new PassThrough();
    stdout.once('data', () => stdout.destroy());
    await assert.rejects(run(['yes'], { stdout }), { code: 'cancelled' });
  });

  it('refuses what it cannot run, in one line', async () => {
    await assert.rejects(run(['no-such-program']), {
      code: 'invalid-argument',
      message: "cannot run 'no-such-program': no such program or folder",
    });
    await assert.rejects(run([]), { code: 'invalid-argument' });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function collector(): { stream: Writable; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}
