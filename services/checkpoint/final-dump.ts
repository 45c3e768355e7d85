/**
 * CRIU's dump of the frozen container: what no round has sent.
 *
 * In Portkey mode CRIU finds the rounds' pages in parent images that list them without having them, and writes the
 * rest to the folder that the relay sends from; the relay tells how much that was. In CRIU mode pages go to the page
 * server, and the other images from here to the restore service.
 *
 * Small files on tmpfs are written at once, because an emulated guest feels each trip through Node's thread pool; what is
 * on the shared folder is not, because the host may keep it waiting.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { abortable, secondsSince, type Clock } from '../../libraries/process/index.js';
import type { DumpResult, PageServer, Security } from '../../libraries/rpc/index.js';
import {
  tasksOf,
  type ContainerHost,
  type ContainerStore,
  type Runc,
} from '../../libraries/runtime/index.js';
import { connectionsOf, type Connection } from './connections.js';
import type { DepartureFiles } from './departure-files.js';
import { uploadImages, type ImagesTo } from './image-upload.js';
import { networkLockSetting } from './network-lock.js';
import { readDumpStats, type CriuRounds } from './rounds/criu-round.js';
import type { PortkeyRounds } from './rounds/portkey-round.js';

export interface FinalDumpParts {
  readonly store: ContainerStore;
  readonly host: ContainerHost;
  readonly runc: Runc;
  readonly clock: Clock;
  readonly uptimeSeconds: () => number;
  readonly security: Security;
}

export interface FinalDump {
  readonly migrationId: string;
  readonly container: string;
  readonly files: DepartureFiles;
  /** What the rounds before have sent: in one mode or the other. */
  readonly portkey: PortkeyRounds | undefined;
  readonly criu: CriuRounds | undefined;
  readonly pageServer: PageServer | undefined;
  /** In CRIU mode. */
  readonly imagesTo: ImagesTo;
  /** Nothing new is begun once it has fired; a CRIU that is at work goes on. */
  readonly signal: AbortSignal;
}

export async function finalDump(parts: FinalDumpParts, dump: FinalDump): Promise<DumpResult> {
  const { clock, runc, store, host } = parts;
  const { migrationId, container, files, portkey, criu, pageServer, signal } = dump;
  const startMs = clock.monotonicMs();
  const spec = store.spec(container);
  writeFileSync(store.criuConfig(container), spec.network === 'NETWORK_MODE_HOST' ? 'tcp-close\n' : '');
  writeFileSync(
    store.criuDefaults(container),
    networkLockSetting(spec, () => connectionsIn(container)),
  );
  const work = path.join(files.work, 'final');
  const images = files.finalImages(portkey === undefined ? 'criu' : 'portkey');
  mkdirSync(work, { recursive: true });
  await mkdir(images, { recursive: true });
  const parent =
    portkey === undefined
      ? criu?.parent()
      : files.writeParent(portkey.present, parts.uptimeSeconds(), images);
  signal.throwIfAborted();
  await runc.checkpoint({
    name: container,
    images,
    work,
    parent,
    pageServer,
    criuDefaults: store.criuDefaults(container),
    onStart: host.expectWorker(container),
  });
  const { pagesWritten, pagesInParent } = readDumpStats(work);
  const imageBytes =
    portkey === undefined
      ? await abortable(uploadImages(dump.imagesTo, parts.security, migrationId, images), signal)
      : 0;
  return {
    criuPages: pagesWritten,
    parentPages: pagesInParent,
    imageBytes,
    seconds: secondsSince(clock, startMs),
  };
}

function connectionsIn(container: string): Connection[] | undefined {
  const [first] = tasksOf(container);
  return first === undefined ? undefined : connectionsOf(first.pid);
}
