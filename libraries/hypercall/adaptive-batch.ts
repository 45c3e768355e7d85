/**
 * The control law of the adaptive batch: as few hypercalls as possible without letting the relay starve.
 *
 * A SEND of more pages means fewer hypercalls, but the relay stands idle while the first one is collected, and after
 * the last one the guest does. Both costs are time, so there is a size where their sum is least, the *economic order
 * quantity* of stock keeping: with P pages to send, h seconds a hypercall, and pages coming at a rate of r,
 *
 *     pages waited for / r  +  h × P / pages      is least at      pages = √(P × h × r)
 *
 * r is how fast the scan finds pages, or the link takes them if that is faster: then it is the last SEND that is waited
 * for, by the guest. All three are measured while the loop runs. From this follows the law:
 *
 *   1. A full SEND goes out. Full is what a frame holds, and not more than the link carries in `fullSeconds`, so that
 *      on a slow link, too, somebody hears how far it is, and no page is old when it is read.
 *   2. One that is not full goes out when it has the economic size and the relay is about to run dry, that is has at
 *      most `ahead` SENDs to do. While it has more, collecting on costs nothing.
 *   3. `ahead` begins at one: the relay works on that while the next is made. It grows while the relay starves though
 *      pages were held back, and shrinks again after `calmLandings` without.
 *   4. So many SENDs may fly as the link carries in `flightSeconds`, but two, and not more than the relay's credits.
 *      Until the first has landed nobody knows the link, and they may hold two full ones' pages; for the size it is
 *      taken to be a fast one, because a SEND too large costs less than one too many.
 *
 * Where the scan is faster than the link the size needs no estimate at all: each SEND is what was found while the one
 * before travelled, so sizes grow like the ratio of the two until they are full. A step in the link's speed changes
 * that at once; the estimates follow within `linkSamples` landings.
 *
 * Limits: the link's speed is the best of the last samples, because a sample of a small SEND is mostly latency; that
 * overstates a link that has just become slower, for that many SENDs. Where nobody knows P, it is taken to be twice
 * what has come so far.
 */
import { PAGE_BYTES } from '../units/index.js';
import type { BatchPolicy, BatchReport, Collected, Flight, Landing } from './batch-policy.js';
import { BatchTally } from './batch-tally.js';
import { maxPagesPerSend } from './limits.js';

const fullSeconds = 2;
const fewestFullPages = 256;
const flightSeconds = 4;
const fewestInFlight = 2;
const mostAhead = 3;
const calmLandings = 32;
const linkSamples = 8;
/** Less than this is the way of the message, not a lack of work. */
const starvedThresholdSeconds = 200e-6;
/** What its COMPLETE costs the guest, of what a SEND does: an interrupt, and waking the agent. */
const completionShare = 0.5;
/** What is left of a measure of the scan with each new one. */
const scanMemory = 0.75;

/** Pages per second, until one has landed: 20 Gbit/s. */
const supposedLinkRate = 2.5e9 / PAGE_BYTES;

export class AdaptiveBatch implements BatchPolicy {
  private readonly tally = new BatchTally();
  /** What the scan has found lately, and in what time. */
  private lately = { pages: 0, seconds: 0 };
  private readonly linkRates: number[] = [];
  private ahead = 1;
  private calm = 0;
  private heldBack = false;
  private target = maxPagesPerSend;
  private notedTarget = maxPagesPerSend;
  private grown = 0;
  private shrunk = 0;
  private hypercallSeconds: number | undefined;

  get maxPages(): number {
    const inTime = Math.floor((this.linkRate() ?? Infinity) * fullSeconds);
    return Math.min(maxPagesPerSend, Math.max(fewestFullPages, inTime));
  }

  mayFly({ sends, pages }: Flight): boolean {
    if (sends < fewestInFlight) return true;
    const linkRate = this.linkRate();
    return pages < (linkRate === undefined ? fewestInFlight * maxPagesPerSend : linkRate * flightSeconds);
  }

  isDue(collected: Collected, flight: Flight): boolean {
    this.hypercallSeconds = collected.hypercallSeconds;
    this.aim(this.economicPages(collected));
    if (collected.pages < this.target || restIsTiny(collected, this.target)) return false;
    const isShort = flight.sends <= this.ahead;
    if (!isShort) this.heldBack = true;
    return isShort && this.mayFly(flight);
  }

  beginRound(): void {
    this.tally.reset();
    this.grown = 0;
    this.shrunk = 0;
  }

  scanned(pages: number, seconds: number): void {
    this.lately = {
      pages: this.lately.pages * scanMemory + pages,
      seconds: this.lately.seconds * scanMemory + seconds,
    };
  }

  sent(): void {
    this.tally.sent();
    this.heldBack = false;
  }

  landed(landing: Landing): void {
    this.tally.landed(landing);
    if (landing.pages > 0 && landing.seconds > 0) {
      this.linkRates.push(landing.pages / landing.seconds);
      if (this.linkRates.length > linkSamples) this.linkRates.shift();
    }
    if (landing.starvedSeconds > starvedThresholdSeconds && this.heldBack) {
      this.ahead = Math.min(mostAhead, this.ahead + 1);
      this.calm = 0;
    } else if (++this.calm >= calmLandings) {
      this.ahead = Math.max(1, this.ahead - 1);
      this.calm = 0;
    }
  }

  describe(): BatchReport {
    const { target: pages, maxPages, ahead, grown, shrunk } = this;
    return {
      ...{ policy: 'adaptive', pages, maxPages, ahead, grown, shrunk, ...this.tally.counts },
      hypercallSeconds: this.hypercallSeconds ?? null,
      scanPagesPerSecond: finite(this.scanRate()),
      linkPagesPerSecond: finite(this.linkRate()),
    };
  }

  private economicPages({ transferPages, pagesSoFar, hypercallSeconds }: Collected): number {
    const scanRate = this.scanRate();
    const linkRate = this.linkRate() ?? supposedLinkRate;
    const costSeconds = hypercallSeconds * (1 + completionShare);
    // A guest that is slower than the link pays for a hypercall twice: in its CPU, and in its pace.
    const rate = Math.max(scanRate, 2 * linkRate);
    const transfer = transferPages ?? 2 * pagesSoFar;
    const sends = transfer / Math.sqrt(transfer * costSeconds * rate);
    // Only whole SENDs can be made.
    return transfer / Math.max(1, Math.round(sends));
  }

  private aim(pages: number): void {
    this.target = Math.max(1, Math.min(this.maxPages, Math.round(pages)));
    if (this.target >= 2 * this.notedTarget) this.grown += 1;
    else if (this.target <= this.notedTarget / 2) this.shrunk += 1;
    else return;
    this.notedTarget = this.target;
  }

  /** Pages per second; infinite while pages need no scan, because they are known. */
  private scanRate(): number {
    const { pages, seconds } = this.lately;
    return seconds > 0 ? pages / seconds : Infinity;
  }

  /** Pages per second that the link has lately carried. */
  private linkRate(): number | undefined {
    return this.linkRates.length === 0 ? undefined : Math.max(...this.linkRates);
  }
}

/** What would be left were this sent now, where that is known, is not worth a SEND of its own. */
function restIsTiny({ transferPages, pagesSoFar }: Collected, target: number): boolean {
  return transferPages !== undefined && transferPages - pagesSoFar < target / 2;
}

/** JSON knows no infinity. */
function finite(rate: number | undefined): number | null {
  return rate !== undefined && Number.isFinite(rate) ? rate : null;
}
