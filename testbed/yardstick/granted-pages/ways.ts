/** The ways in which a container's pages can reach a guest, as the experiment compares them. */
export interface Way {
  readonly name: string;
  /** Undefined: files on the share, read through virtiofs. */
  readonly grant?: {
    /** Of the guest's tmpfs. */
    readonly pages: PageKind;
    /** How the host writes into the guest's RAM: through a buffer, or received into a mapping of it. */
    readonly content: 'copied' | 'mapped';
  };
}

export const pageKinds = ['huge', 'small'] as const;
export type PageKind = (typeof pageKinds)[number];

/** The first is what the others are compared with. */
export const ways: readonly Way[] = [
  { name: 'share' },
  { name: 'granted', grant: { pages: 'huge', content: 'copied' } },
  { name: 'granted, mapped', grant: { pages: 'huge', content: 'mapped' } },
  { name: 'granted, 4 KiB pages', grant: { pages: 'small', content: 'copied' } },
];
