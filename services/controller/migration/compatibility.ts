/**
 * Whether a process image from one VM can run in another, from what their agents say of them. Pure.
 *
 * The CPU is compared by the flags of /proc/cpuinfo: a process may have chosen code by any flag that it saw at
 * its start, so the destination must have all of the source's. CRIU must be the same version on both sides,
 * because its image format is only promised to be readable by the version that wrote it or a later one, and a
 * container may go back.
 */
import { PortkeyError } from '../../../libraries/errors/index.js';
import type { NodeInfo } from '../../../libraries/rpc/index.js';

const namedFeatures = 6;

/** What stands in the way of moving from `source` to `destination`, the first reason of possibly several. */
export function incompatibility(source: NodeInfo, destination: NodeInfo): PortkeyError | undefined {
  if (!source.softDirty) {
    return new PortkeyError(
      'no-soft-dirty',
      `the kernel of ${source.vm} (${source.kernel}) does not track dirty pages; boot one with CONFIG_MEM_SOFT_DIRTY`,
    );
  }
  const missing = missingFeatures(source, destination);
  if (missing.length > 0) {
    return new PortkeyError(
      'cpu-features-differ',
      `the CPU of ${destination.vm} lacks ${listed(missing)}, which ${source.vm} has; ` +
        'give both VMs the same CPU model, the one that both hosts can run',
      { details: missing.join(' ') },
    );
  }
  if (source.criuVersion !== destination.criuVersion) {
    return new PortkeyError(
      'criu-differs',
      `CRIU is ${source.criuVersion} on ${source.vm} and ${destination.criuVersion} on ${destination.vm}; ` +
        'install the same version on both',
    );
  }
  return undefined;
}

export function missingFeatures(source: NodeInfo, destination: NodeInfo): string[] {
  const present = new Set(destination.cpuFeatures);
  return source.cpuFeatures.filter((feature) => !present.has(feature));
}

function listed(features: readonly string[]): string {
  const more = features.length - namedFeatures;
  const named = features.slice(0, namedFeatures).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
}
