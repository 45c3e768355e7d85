/**
 * Pagemap entries → runs of guest frames, and the second look at them: the loops of a migration over every page.
 *
 * Written in AssemblyScript and compiled ahead of time to WebAssembly (scripts/generate-frame-runs.mjs), because it
 * runs once per migration, in an agent that has been idle since the last one: V8 would interpret it and, once it
 * has compiled it, forget that again; under emulation an interpreted loop is slower than all the rest of a scan.
 *
 * The caller (frame-runs.ts, one folder up) puts the entries of at most `windowPages` consecutive pages at
 * `entriesAt()`, calls `select` and takes 16 bytes a run from `runsAt()`, laid out as in a SEND frame
 * (libraries/hypercall/run-list.ts). For the second look it puts the entries as they were at `entriesAt()` and as they
 * are at `entriesNowAt()`, calls `compare` and takes 4 bytes a page that moved from `movedAt()`. Nothing is kept between
 * two calls. Entries: admin-guide/mm/pagemap.rst.
 */
const windowPages: i32 = 16384;
const entries: usize = memory.data(windowPages * 8);
const entriesNow: usize = memory.data(windowPages * 8);
const runs: usize = memory.data(windowPages * 16);
const moved: usize = memory.data(windowPages * 4);

const present: u64 = 1 << 63;
const swapped: u64 = 1 << 62;
const fileOrShared: u64 = 1 << 61;
const guard: u64 = 1 << 58;
const softDirty: u64 = 1 << 55;
const frame: u64 = (1 << 55) - 1;

/** Pages of all runs that the last call of `select` found. */
export let selectedPages: i32 = 0;
/** Pages of the task's own that were dirty when the last call of `compare` looked. */
export let dirtyPages: i32 = 0;

export function capacity(): i32 {
  return windowPages;
}

export function entriesAt(): usize {
  return entries;
}

export function entriesNowAt(): usize {
  return entriesNow;
}

export function runsAt(): usize {
  return runs;
}

export function movedAt(): usize {
  return moved;
}

/**
 * Writes the runs of `count` entries; returns how many. `firstPage` is the page of the first of them. Left out are pages without a frame, pages of files (the vdso's are of one), and the zero page.
 */
export function select(count: i32, firstPage: f64, zeroFrame: f64, isVdso: bool): i32 {
  const zero = <u64>zeroFrame;
  const looked: u64 = isVdso ? present : present | fileOrShared;
  const end = entries + <usize>count * 8;
  let at = entries;
  let page = <u64>firstPage;
  let out = runs;
  let pages: u64 = 0;
  while (at < end) {
    const entry = load<u64>(at);
    at += 8;
    if ((entry & looked) != present || (entry & frame) == zero) {
      page += 1;
      continue;
    }
    // Flags in the upper bits are alike in a run, so the next entry is this one plus one.
    let length: u64 = 1;
    while (at < end && load<u64>(at) == entry + length && ((entry + length) & frame) != zero) {
      length += 1;
      at += 8;
    }
    // Frames have 40 bits in a run; more memory than that no guest has (libraries/hypercall/limits.ts).
    store<u64>(out, (entry & frame) | (length << 40));
    store<u64>(out, page, 8);
    out += 16;
    page += length;
    pages += length;
  }
  selectedPages = <i32>pages;
  return <i32>((out - runs) >> 4);
}

/**
 * Of the pages that `select` takes, those whose frame is another one now: writes which entries they are, returns how
 * many. What is dirty now is counted as PAGEMAP_SCAN does it (own-pages.ts).
 */
export function compare(count: i32, zeroFrame: f64, isVdso: bool): i32 {
  const zero = <u64>zeroFrame;
  const looked: u64 = isVdso ? present : present | fileOrShared;
  let out = moved;
  let dirty: i32 = 0;
  for (let index: i32 = 0; index < count; index += 1) {
    const before = load<u64>(entries + ((<usize>index) << 3));
    const now = load<u64>(entriesNow + ((<usize>index) << 3));
    if ((now & softDirty) != 0 && (now & (present | swapped)) != 0 && (now & (fileOrShared | guard)) == 0) {
      if ((now & present) == 0 || (now & frame) != zero) dirty += 1;
    }
    if (before == now || (before & looked) != present || (before & frame) == zero) continue;
    if ((now & present) != 0 && (now & frame) == (before & frame)) continue;
    store<i32>(out, index);
    out += 4;
  }
  dirtyPages = dirty;
  return <i32>((out - moved) >> 2);
}

/** Whether any of these entries is of a page that has no frame to name: swapped out, or of a vdso never touched. */
export function hasAbsent(count: i32, isVdso: bool): bool {
  const end = entries + <usize>count * 8;
  for (let at = entries; at < end; at += 8) {
    const entry = load<u64>(at);
    if ((entry & swapped) != 0 && (entry & present) == 0) return true;
    if (isVdso && (entry & present) == 0) return true;
  }
  return false;
}
