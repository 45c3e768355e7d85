/** What every policy counts of its SENDs and their COMPLETEs. */
import type { BatchReport, Landing } from './batch-policy.js';

export class BatchTally {
  private sends = 0;
  private starvedSeconds = 0;
  private suppressedCompletions = 0;

  reset(): void {
    this.sends = 0;
    this.starvedSeconds = 0;
    this.suppressedCompletions = 0;
  }

  sent(): void {
    this.sends += 1;
  }

  landed({ starvedSeconds, answered }: Landing): void {
    this.starvedSeconds += starvedSeconds;
    this.suppressedCompletions += answered - 1;
  }

  get counts(): Pick<BatchReport, 'sends' | 'starvedSeconds' | 'suppressedCompletions'> {
    const { sends, starvedSeconds, suppressedCompletions } = this;
    return { sends, starvedSeconds, suppressedCompletions };
  }
}
