/** A table of the experiment as text, for the terminal and for the page. */
export interface TextTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What is to be known of the figures: below the table on a terminal; the page has it in the section's text. */
  readonly note?: string;
}
