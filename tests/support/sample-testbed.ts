/** A test bed as its state file has it, with nothing in it. */
import type { TestbedState } from '../../testbed/index.js';

export function sampleTestbed(vmMemoryBytes: number): TestbedState {
  return {
    version: 1,
    startedAt: '',
    controller: 'unix:/controller.sock',
    controllerCount: 1,
    vms: [],
    processes: [],
    accel: 'tcg',
    vhostNet: false,
    kernel: '',
    criu: '',
    runc: '',
    qemu: '',
    cpus: 2,
    vmMemoryBytes,
    link: '10gbit',
    streams: 1,
  };
}
