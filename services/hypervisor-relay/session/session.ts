/** What all sessions have: one VM's part in one migration. */
export interface TransferCounts {
  /** Zero pages included. */
  readonly pages: number;
  /** Pages that were named and not sent, because they are zero. */
  readonly zeroPages: number;
  /** Of pages and files that were sent. */
  readonly bytes: number;
  readonly hypercalls: number;
  readonly starvedSeconds: number;
}

export interface Session {
  readonly vm: string;
  readonly migrationId: string;
  transfer(): TransferCounts;
  /** Ends its stream at once; resolves when its thread is gone. Idempotent. */
  close(): Promise<void>;
}
