/**
 * Between landing and restore, where it was asked for: are the pages that landed those that stand frozen (docs/verify.md)?
 *
 * The destination lists what landed; then both agents digest that at the same time, each from what it has itself, and here
 * the digests are compared. Before the restore, so that a container that did not arrive whole is not even made; and before
 * the commit, so that the source goes on as if nothing had been. The container stands frozen meanwhile: it costs downtime.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { CallOptions, PageDigests } from '../../../libraries/rpc/index.js';
import { formatBytes, formatSeconds, PAGE_BYTES } from '../../../libraries/units/index.js';
import { transferDeadlineMs } from '../limits.js';
import type { PageDigestReport } from '../report/report.js';
import type { LandedContainer } from './land.js';
import type { LiveMigration, Sides } from './migration.js';

/** Throws `digest-mismatch`. */
export async function verify(migration: LiveMigration, landed: LandedContainer): Promise<void> {
  const { sides, description, transport } = landed;
  const { clock, limits } = migration.tools;
  const startMs = clock.monotonicMs();
  const options = migration.callOptions(transferDeadlineMs(limits, description.memoryBytes));
  const { restore } = sides.destination;
  const images = { migration: migration.ref, landing: transport.landingFolder };
  const pages = await restore.call('ListPages', images, options);
  const [source, destination] = await bothOrNeither(options, (callOptions) => [
    sides.source.checkpoint.call('DigestPages', { migration: migration.ref, pages }, callOptions),
    restore.call('DigestPages', images, callOptions),
  ]);
  const comparable = { ...destination, regions: withinReach(destination.regions, source) };
  const difference = differenceOf(source, comparable, sides);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const leftPages = pagesOf(destination.regions) - pagesOf(comparable.regions);
  const figures = figuresOf(source, destination, leftPages, seconds, difference === undefined);
  migration.report.addPageDigest(figures);
  migration.journal.note('progress', difference ?? sameText(figures), figures);
  if (difference !== undefined) {
    throw new PortkeyError(
      'digest-mismatch',
      `${difference}; nothing was committed, so the container goes on where it was`,
    );
  }
}

/** Where one of the calls fails the other one is cut, so that a rollback does not wait for it. */
async function bothOrNeither(
  options: CallOptions,
  start: (options: CallOptions) => [Promise<PageDigests>, Promise<PageDigests>],
): Promise<[PageDigests, PageDigests]> {
  const failed = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  try {
    return await Promise.all(start({ ...options, signal: AbortSignal.any([...signals, failed.signal]) }));
  } catch (error) {
    failed.abort();
    throw error;
  }
}

function differenceOf(source: PageDigests, destination: PageDigests, sides: Sides): string | undefined {
  const [from, to] = [sides.source.name, sides.destination.name];
  if (source.format !== destination.format) {
    return (
      `${from} and ${to} digest pages in different ways (formats ${source.format} and ${destination.format}); ` +
      'install the same version of the agents in both'
    );
  }
  const regionCount = Math.max(source.regions.length, destination.regions.length);
  const differing = Array.from({ length: regionCount }, (_, index) => index).filter((index) => {
    const [one, other] = [source.regions[index], destination.regions[index]];
    return (
      one?.namespacePid !== other?.namespacePid ||
      one?.sharedMemory !== other?.sharedMemory ||
      one?.page !== other?.page ||
      one?.pageCount !== other?.pageCount ||
      other?.digest === undefined ||
      one?.digest.equals(other.digest) !== true
    );
  });
  const [index] = differing;
  if (index === undefined) return undefined;
  const first = source.regions[index] ?? destination.regions[index];
  const address = `0x${((first?.page ?? 0) * PAGE_BYTES).toString(16)}`;
  const owner = first?.sharedMemory ? `shared memory ${first.sharedMemory}` : `task ${first?.namespacePid}`;
  return (
    `what landed on ${to} is not what stands frozen on ${from}: of ${regionCount} regions of 2 MiB ${differing.length} differ, ` +
    `first that at ${address} of ${owner}`
  );
}

/** What the source could look at, too: an object of shared memory may be out of its reach. */
function withinReach(regions: PageDigests['regions'], { outOfReach }: PageDigests): PageDigests['regions'] {
  const objects = new Set(outOfReach);
  return regions.filter(({ sharedMemory }) => sharedMemory === 0 || !objects.has(sharedMemory));
}

const pagesOf = (regions: PageDigests['regions']): number =>
  regions.reduce((sum, { pageCount }) => sum + pageCount, 0);

function figuresOf(
  source: PageDigests,
  destination: PageDigests,
  sharedPages: number,
  seconds: number,
  alike: boolean,
): PageDigestReport {
  const pages = pagesOf(source.regions);
  const costOf = ({ seconds: taken, cpuSeconds }: PageDigests) => ({ seconds: taken, cpuSeconds });
  return {
    ...{ format: source.format, alike, pages, bytes: pages * PAGE_BYTES, sharedPages, seconds },
    ...{ source: costOf(source), destination: costOf(destination) },
  };
}

function sameText({ pages, bytes, seconds, sharedPages }: PageDigestReport): string {
  const shared = sharedPages === 0 ? '' : `; ${sharedPages} pages of shared memory could not be compared`;
  return `${pages} pages (${formatBytes(bytes)}) landed as they stand frozen, compared in ${formatSeconds(seconds)}${shared}`;
}
