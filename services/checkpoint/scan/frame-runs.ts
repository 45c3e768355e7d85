/**
 * The compiled loop over pagemap entries (assembly/frame-runs.ts), for JavaScript to call.
 *
 * One instance has one window of memory and serves one call at a time; what `select` returns is good until the next.
 */
import { entryBytes, wordsPerEntry } from './pagemap-words.js';
import { frameRunsProgram } from './generated/frame-runs.js';

interface Program {
  readonly memory: WebAssembly.Memory;
  readonly selectedPages: WebAssembly.Global;
  capacity(): number;
  entriesAt(): number;
  runsAt(): number;
  select(count: number, firstPage: number, zeroFrame: number, isVdso: number): number;
  hasAbsent(count: number, isVdso: number): number;
}

const runBytes = 16;

export interface FoundRuns {
  /** As in a SEND frame. */
  readonly bytes: Buffer;
  readonly pageCount: number;
}

export class FrameRuns {
  /** Entries of so many pages fit. */
  readonly capacity: number;
  private readonly program: Program;
  private readonly memory: Buffer;
  private readonly entries: Buffer;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(frameRunsProgram, 'base64'));
    this.program = new WebAssembly.Instance(module).exports as unknown as Program;
    // The program never grows its memory, so the view stays good.
    this.memory = Buffer.from(this.program.memory.buffer);
    this.capacity = this.program.capacity();
    const at = this.program.entriesAt();
    this.entries = this.memory.subarray(at, at + this.capacity * entryBytes);
  }

  /** Whether one of these pages is swapped out or, in a vdso, was never touched. */
  hasAbsent(words: Int32Array, isVdso: boolean): boolean {
    this.take(words);
    return this.program.hasAbsent(words.byteLength / entryBytes, Number(isVdso)) !== 0;
  }

  /** The runs of the pages `from` … `from + count - 1` of a window that begins at `firstPage`. */
  select(
    window: { readonly words: Int32Array; readonly firstPage: number; readonly isVdso: boolean },
    { from, count }: { readonly from: number; readonly count: number },
    zeroPfn: number,
  ): FoundRuns {
    const { words, firstPage, isVdso } = window;
    this.take(words.subarray(wordsPerEntry * from, wordsPerEntry * (from + count)));
    const runs = this.program.select(count, firstPage + from, zeroPfn, Number(isVdso));
    const at = this.program.runsAt();
    const bytes = this.memory.subarray(at, at + runs * runBytes);
    return { bytes, pageCount: this.program.selectedPages.value as number };
  }

  private take(words: Int32Array): void {
    if (words.byteLength > this.entries.length)
      throw new RangeError(`${words.length / 2} entries where ${this.capacity} fit`);
    this.entries.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }
}
