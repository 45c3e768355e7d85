export { redisContainer, redisOptions, redisPort, workloadLabel, type RedisWorkload } from './container.js';
export { clientCommand } from './launch.js';
export { workloadClient, workloadFiles, type WorkloadFiles, type WorkloadPlace } from './place.js';
export { hasWorkload, startWorkload, stopWorkload, type StartRequest } from './start.js';
export { Workload, type WorkloadSettings } from './workload.js';
