/**
 * The compiled loops over pagemap entries (assembly/frame-runs.ts), for JavaScript to call.
 *
 * One instance has one window of memory and serves one call at a time; what `select` and `compare` return is good until
 * the next.
 */
import { entryBytes, wordsPerEntry } from './pagemap-words.js';
import { frameRunsProgram } from './generated/frame-runs.js';

interface Program {
  readonly memory: WebAssembly.Memory;
  readonly selectedPages: WebAssembly.Global;
  readonly dirtyPages: WebAssembly.Global;
  capacity(): number;
  entriesAt(): number;
  entriesNowAt(): number;
  runsAt(): number;
  movedAt(): number;
  select(count: number, firstPage: number, zeroFrame: number, isVdso: number): number;
  compare(count: number, zeroFrame: number, isVdso: number): number;
  hasAbsent(count: number, isVdso: number): number;
}

const runBytes = 16;

export interface FoundRuns {
  /** As in a SEND frame. */
  readonly bytes: Buffer;
  readonly pageCount: number;
}

/** What a second look at a window shows. */
export interface Comparison {
  /** Which pages moved, counted from the window's first. */
  readonly moved: Int32Array;
  readonly dirtyPages: number;
}

export class FrameRuns {
  /** Entries of so many pages fit. */
  readonly capacity: number;
  private readonly program: Program;
  private readonly memory: Buffer;
  private readonly entries: Buffer;
  private readonly entriesNow: Buffer;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(frameRunsProgram, 'base64'));
    this.program = new WebAssembly.Instance(module).exports as unknown as Program;
    // The program never grows its memory, so the view stays good.
    this.memory = Buffer.from(this.program.memory.buffer);
    this.capacity = this.program.capacity();
    const entriesIn = (at: number): Buffer => this.memory.subarray(at, at + this.capacity * entryBytes);
    this.entries = entriesIn(this.program.entriesAt());
    this.entriesNow = entriesIn(this.program.entriesNowAt());
  }

  /** Whether one of these pages is swapped out or, in a vdso, was never touched. */
  hasAbsent(words: Int32Array, isVdso: boolean): boolean {
    this.put(words, this.entries);
    return this.program.hasAbsent(words.byteLength / entryBytes, Number(isVdso)) !== 0;
  }

  /** The runs of the pages `from` … `from + count - 1` of a window that begins at `firstPage`. */
  select(
    window: { readonly words: Int32Array; readonly firstPage: number; readonly isVdso: boolean },
    { from, count }: { readonly from: number; readonly count: number },
    zeroPfn: number,
  ): FoundRuns {
    const { words, firstPage, isVdso } = window;
    this.put(words.subarray(wordsPerEntry * from, wordsPerEntry * (from + count)), this.entries);
    const runs = this.program.select(count, firstPage + from, zeroPfn, Number(isVdso));
    const at = this.program.runsAt();
    const bytes = this.memory.subarray(at, at + runs * runBytes);
    return { bytes, pageCount: this.program.selectedPages.value as number };
  }

  /** The window's pages that `select` takes and whose frame is another one in `now`; and what is dirty in `now`. */
  compare(
    { words, isVdso }: { readonly words: Int32Array; readonly isVdso: boolean },
    now: Int32Array,
    zeroPfn: number,
  ): Comparison {
    if (now.length !== words.length)
      throw new RangeError(`${now.length} words to compare with ${words.length}`);
    this.put(words, this.entries);
    this.put(now, this.entriesNow);
    const count = this.program.compare(words.length / wordsPerEntry, zeroPfn, Number(isVdso));
    const at = this.program.movedAt();
    const moved = new Int32Array(this.memory.buffer, this.memory.byteOffset + at, count);
    return { moved, dirtyPages: this.program.dirtyPages.value as number };
  }

  private put(words: Int32Array, into: Buffer): void {
    if (words.byteLength > into.length)
      throw new RangeError(`${words.length / wordsPerEntry} entries where ${this.capacity} fit`);
    into.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }
}
