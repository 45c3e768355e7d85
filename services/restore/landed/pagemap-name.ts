/** Names of CRIU's pagemap images (criu/image-desc.c). */

/** Of a task by its pid in the container, or of an object of shared memory by its inode number (criu/shmem.c, `shmid`). */
export function pagemapName({
  namespacePid = 0,
  sharedMemory = 0,
}: {
  readonly namespacePid?: number;
  readonly sharedMemory?: number;
}): string {
  return sharedMemory === 0 ? `pagemap-${namespacePid}.img` : `pagemap-shmem-${sharedMemory}.img`;
}
