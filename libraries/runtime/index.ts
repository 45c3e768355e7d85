export { ContainerHost, type HostParts } from './container-host.js';
export { ContainerStore, type Claim } from './container-store.js';
export { Freezer } from './freezer.js';
export { frameOf, zeroFrame } from './frame-of.js';
export { ContainerNetwork, gratuitousArp, outerLinkName } from './network.js';
export { NodeInfoReader, type HypercallState } from './node-info.js';
export { Runc, type CheckpointOptions, type RestoreOptions, type RuncContainer } from './runc.js';
export { cgroupPath, runcConfig } from './runc-config.js';
export { tasksOf, type Task } from './tasks.js';
