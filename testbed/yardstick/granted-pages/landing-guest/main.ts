/**
 * The landing experiment's program in the guest: questions by standard input, answers by standard output.
 *
 * It lives for the whole experiment, so that its start is in no figure. It ends with its input, and what it has pinned,
 * mapped and allocated ends with it.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { asPortkeyError } from '../../../../libraries/errors/index.js';
import { availableBytes } from '../../whole-vm/room.js';
import { guestRequest, type GuestAnswer, type GuestRequest, type Moved } from '../guest-messages.js';
import { movedByCompaction } from './compaction.js';
import { GrantedFile } from './granted-file.js';
import { ReadMemory } from './read-memory.js';

class LandingGuest {
  private granted: GrantedFile | undefined;
  private memory: ReadMemory | undefined;

  answer(request: GuestRequest): GuestAnswer {
    const moved = this.act(request);
    const meminfo = readFileSync('/proc/meminfo', 'utf8');
    const memory = { availableBytes: availableBytes(meminfo), hugeBytes: hugeBytes(meminfo) };
    return moved === undefined ? memory : { ...memory, moved };
  }

  private act(request: GuestRequest): Moved | undefined {
    switch (request.do) {
      case 'grant':
        this.granted = GrantedFile.make(request.folder, request.byteLength);
        this.granted.writePagemap(request.pagemap);
        break;
      case 'read':
        this.memory = ReadMemory.of(
          request.file ?? this.granted?.path ?? '',
          request.offset,
          request.byteLength,
        );
        break;
      case 'frames':
        this.memory?.writePagemap(request.pagemap);
        break;
      case 'forget':
        this.memory?.close();
        this.memory = undefined;
        break;
      case 'release':
        this.granted?.release();
        this.granted = undefined;
        break;
      case 'compact':
        return movedByCompaction(request.folder, request.byteLength);
    }
    return undefined;
  }
}

function hugeBytes(meminfo: string): number {
  return Number(/^ShmemHugePages:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
}

const guest = new LandingGuest();
// CommonJS in the guest: no await at the top.
createInterface({ input: process.stdin }).on('line', (line) => {
  let answer: GuestAnswer | { error: string };
  try {
    answer = guest.answer(guestRequest.parse(JSON.parse(line)));
  } catch (error) {
    answer = { error: asPortkeyError(error).message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
