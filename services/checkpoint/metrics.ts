/** What the checkpoint service counts besides its steps: the pages of rounds. No labels: never a migration. */
import { Counter, type Registry } from 'prom-client';

import type { RoundResult } from '../../libraries/rpc/index.js';

export class RoundMetrics {
  private readonly sent: Counter;
  private readonly moved: Counter;

  constructor(registry: Registry) {
    this.sent = new Counter({
      name: 'portkey_round_pages_total',
      help: 'Pages sent by rounds, pages sent again included.',
      registers: [registry],
    });
    this.moved = new Counter({
      name: 'portkey_round_pages_moved_total',
      help: 'Pages sent again because their frame had changed under the relay.',
      registers: [registry],
    });
  }

  roundEnded({ pages, pagesMoved }: RoundResult): void {
    this.sent.inc(pages);
    this.moved.inc(pagesMoved);
  }
}
