/**
 * A few lines at the end of a terminal that redraw themselves.
 *
 * `show` replaces the block, `above` prints a line that stays, `clear` takes the block away. Lines are cut to the
 * terminal's width, because a wrapped line would break the count of lines to go up.
 */
import type { TextStream } from './output.js';

const clearToEnd = '\x1b[J';

export class LiveLines {
  private drawn = 0;
  private lines: readonly string[] = [];

  constructor(private readonly stream: TextStream) {}

  show(lines: readonly string[]): void {
    const width = (this.stream.columns ?? 80) - 1;
    this.lines = lines.map((line) => line.slice(0, width));
    this.redraw('');
  }

  above(line: string): void {
    this.redraw(`${line}\n`);
  }

  clear(): void {
    this.lines = [];
    this.redraw('');
  }

  private redraw(above: string): void {
    const up = this.drawn === 0 ? '' : `\x1b[${this.drawn}A`;
    this.stream.write(`${up}\r${clearToEnd}${above}${this.lines.map((line) => `${line}\n`).join('')}`);
    this.drawn = this.lines.length;
  }
}
