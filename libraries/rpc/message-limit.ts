/**
 * How large a message may be. The largest ones list or digest the pages of a container (PageList, PageDigests): a few bytes a
 * run of pages, 80 a region of 2 MiB that has one. gRPC's own limit of 4 MiB would be reached by some tens of GiB.
 */
export const mostMessageBytes = 64 * 2 ** 20;
