/**
 * What the experiment and its program in the guest say to each other: one line of JSON each way, one question at a time.
 *
 *     grant ──▶ read ──▶ frames ──▶ forget ──▶ release      compact, when nothing is granted
 *
 * `grant` and `release` are left out where the pages land on the share. Page tables go through files on the share, as the
 * kernel has them, so that the guest does nothing for a single page.
 */
import { z } from 'zod';

export const guestRequest = z.discriminatedUnion('do', [
  /** Allocates a file of so many bytes on this file system, pins it, and writes its pages' table to `pagemap`. */
  z.object({ do: z.literal('grant'), folder: z.string(), byteLength: z.number(), pagemap: z.string() }),
  /** Into memory of the program's own, as CRIU does. Without a file: what was granted. */
  z.object({
    do: z.literal('read'),
    file: z.string().optional(),
    offset: z.number(),
    byteLength: z.number(),
  }),
  /** Writes the page table of that memory to `pagemap`. */
  z.object({ do: z.literal('frames'), pagemap: z.string() }),
  /** That memory is free again. */
  z.object({ do: z.literal('forget') }),
  /** Unpins what was granted and removes the file. */
  z.object({ do: z.literal('release') }),
  /** Has the kernel compact memory with a file on this file system, three times so long, some of whose pages are pinned. */
  z.object({ do: z.literal('compact'), folder: z.string(), byteLength: z.number() }),
]);
export type GuestRequest = z.infer<typeof guestRequest>;

/** Of how many pages compaction has changed the frame. */
const moved = z.object({
  pinned: z.number(),
  pinnedPages: z.number(),
  others: z.number(),
  otherPages: z.number(),
});
export type Moved = z.infer<typeof moved>;

export const guestAnswer = z.union([
  z.object({ error: z.string() }),
  z.object({
    availableBytes: z.number(),
    /** Of tmpfs files, all of them, what is in huge pages. */
    hugeBytes: z.number(),
    /** To `compact`. */
    moved: moved.optional(),
  }),
]);
export type GuestAnswer = Exclude<z.infer<typeof guestAnswer>, { error: string }>;
