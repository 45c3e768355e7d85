import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { PAGE_BYTES } from '../../../libraries/units/index.js';
import { highRamAddress, lowRamBytes, ScriptedQemu } from '../testing/scripted-qemu.js';

const pageCount = 1000;
const firstPage = 0x7f00_0000_0000 / PAGE_BYTES;
const address = '127.0.0.1';
const token = '5a'.repeat(32);

describe("the landing experiment's programs", () => {
  let vm: ScriptedQemu;
  let sent: Buffer;
  const children: ChildProcess[] = [];

  before(async () => {
    vm = await ScriptedQemu.start('vm-b');
    sent = Buffer.alloc(pageCount * PAGE_BYTES);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at + 1, at);
    writeFileSync(inFolder('sent'), sent);
  });
  after(() => vm.stop());
  afterEach(async () => {
    for (const child of children.splice(0)) {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await ended;
    }
  });

  it('land in a file of the share, where the pages have their addresses', async () => {
    const folder = inFolder('landing');
    mkdirSync(folder);
    await transfer({ folder });
    const landed = Buffer.alloc(sent.length);
    const fd = openSync(join(folder, 'pages-1.img'), 'r');
    readSync(fd, landed, 0, landed.length, firstPage * PAGE_BYTES);
    closeSync(fd);
    assert.ok(landed.equals(sent));
  });

  for (const content of ['copied', 'mapped'] as const) {
    it(`land in the frames of a grant, ${content}, and in no others`, async () => {
      const pfns = Array.from({ length: pageCount }, (_, page) =>
        page < 100
          ? lowRamBytes / PAGE_BYTES - 100 + page
          : highRamAddress / PAGE_BYTES + ((page * 7) % 4001),
      );
      const pagemap = inFolder('grant');
      writeFileSync(pagemap, pagemapOf(pfns));
      const beside = Math.max(...pfns) + 1;
      await transfer({ ...grantOf(pagemap), content });
      pfns.forEach((pfn, page) => {
        const expected = sent.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
        assert.ok(vm.read(pfn * PAGE_BYTES, PAGE_BYTES).equals(expected), `page ${page}`);
      });
      assert.ok(vm.read(beside * PAGE_BYTES, PAGE_BYTES).equals(Buffer.alloc(PAGE_BYTES)));
      const check = (): Promise<unknown> =>
        program('frame-check', { vm: vm.config, pagemap, file: inFolder('sent') })();
      assert.deepEqual(await check(), { pages: pageCount, differing: 0 });
      vm.write((pfns[3] ?? 0) * PAGE_BYTES + 4095, Buffer.from([1]));
      vm.write((pfns[500] ?? 0) * PAGE_BYTES, Buffer.from([0xff]));
      assert.deepEqual(await check(), { pages: pageCount, differing: 2 });
    });
  }

  it('land nothing beyond the grant: the stream ends', async () => {
    const pagemap = inFolder('short-grant');
    writeFileSync(pagemap, pagemapOf(Array.from({ length: pageCount - 1 }, (_, page) => page + 1)));
    await assert.rejects(transfer({ ...grantOf(pagemap), content: 'copied' }), /ended without a word/);
  });

  function grantOf(pagemap: string): object {
    const { name, qmpSocket, ramFile } = vm.config;
    return { vm: { name, qmpSocket, ramFile }, pagemap, firstPage };
  }

  function pagemapOf(pfns: readonly number[]): Buffer {
    const bytes = Buffer.alloc(pfns.length * 8);
    pfns.forEach((pfn, page) => bytes.writeBigUInt64LE(BigInt(pfn) | (1n << 63n), page * 8));
    return bytes;
  }

  async function transfer(landing: object): Promise<void> {
    const receiver = program('landing-receiver', { address, token, landing });
    const { port } = (await receiver()) as { port: number };
    const peer = { address, port };
    const images = inFolder('none');
    const sender = program('landing-sender', { peer, token, file: inFolder('sent'), firstPage, object: 'pages-1.img', images }); // prettier-ignore
    for (const half of [sender, receiver]) {
      const { cpuSeconds } = (await half()) as { cpuSeconds: number };
      assert.ok(cpuSeconds > 0);
    }
  }

  /** Returns how to get its next line. */
  function program(name: string, config: object): () => Promise<unknown> {
    const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
    const child = spawn(process.execPath, [file, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return async () => {
      const next = (await lines.next()) as IteratorResult<string, unknown>;
      if (next.done === true) throw new Error(`${name} ended without a word`);
      return JSON.parse(next.value) as unknown;
    };
  }

  function inFolder(name: string): string {
    return join(vm.folder, name);
  }
});
