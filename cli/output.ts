/**
 * What the command line says, and where.
 *
 * stdout has the result and nothing else: text for people, or with --json exactly one JSON document, which is the
 * error if there is one. Everything on the way (progress, warnings, errors for people) goes to stderr. An error is
 * one line; --verbose adds its code and details.
 */
import type { Writable } from 'node:stream';

import { type PortkeyError } from '../libraries/errors/index.js';

export interface OutputFlags {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** A stream that may be a terminal. */
export interface TextStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export class Output {
  private answered = false;

  constructor(
    readonly flags: OutputFlags,
    private readonly stdout: TextStream,
    readonly stderr: TextStream,
  ) {}

  /** Progress may redraw lines: people watch, and no document is expected. */
  get live(): boolean {
    return this.stderr.isTTY === true && !this.flags.json;
  }

  /** The result: `document` with --json, else the text, which may be empty. Once a run. */
  result(document: unknown, text: () => string): void {
    if (this.flags.json) this.document(document);
    else {
      const lines = text();
      if (lines !== '') this.stdout.write(`${lines}\n`);
    }
  }

  /** A line of a result that comes bit by bit, for people only. */
  line(text: string): void {
    this.stdout.write(`${text}\n`);
  }

  /** One line on the way. */
  note(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  failure(error: PortkeyError): void {
    const { code, message } = error;
    if (this.flags.json && !this.answered) this.document({ error: { code, message } });
    else this.note(`portkey: ${message}`);
    if (!this.flags.verbose) return;
    this.note(`  code: ${code}`);
    for (const line of (error.details ?? '').split('\n')) if (line.trim() !== '') this.note(`  ${line}`);
  }

  private document(document: unknown): void {
    if (this.answered) return;
    this.answered = true;
    this.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
}
