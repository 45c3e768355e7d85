/** How the memory of the task is made that the ways are compared on. */
export interface Layout {
  readonly name: string;
  /** Whether the kernel may have huge pages for it. */
  readonly hugePages: boolean;
  /** One page in so many is in memory. */
  readonly stride: number;
}

export const layouts: readonly Layout[] = [
  { name: 'huge pages', hugePages: true, stride: 1 },
  { name: 'small pages', hugePages: false, stride: 1 },
  { name: 'every other page', hugePages: false, stride: 2 },
];

/** One page in so many is written once the dirty bits are cleared; a multiple of all strides. */
export const writtenStride = 64;
