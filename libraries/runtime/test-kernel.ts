/** What tests give in place of the kernel: it writes down what it was asked for. */
import type { Kernel } from './container-host.js';

export function writtenDown(commands: string[]): Kernel {
  return {
    setInterface: (name, up) => void commands.push(`link ${name} ${up ? 'up' : 'down'}`),
    bindMount: (source, target) => void commands.push(`mount ${source} ${target}`),
    detachMount: (target) => void commands.push(`unmount ${target}`),
  };
}
