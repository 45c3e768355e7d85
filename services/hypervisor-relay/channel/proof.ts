/**
 * The proof that the relay reads the RAM of the guest that speaks: a nonce that the guest wrote into a page of its
 * own is found at the guest-physical address that the guest named.
 */
import { asPortkeyError, PortkeyError } from '../../../libraries/errors/index.js';
import { nonceBytes, type Agent, type Hello } from '../../../libraries/hypercall/index.js';
import type { GuestRam } from '../ram/guest-ram.js';

export interface ProofParts {
  readonly vm: string;
  /** Whose port this is. */
  readonly agent: Agent;
  /** Finds the VM's RAM and maps it; fails with the reason why not. The caller becomes a user of it. */
  readonly attach: (hello: Hello) => Promise<GuestRam>;
}

/** The RAM, of which the caller becomes a user. Throws `nonce-mismatch`, `bad-frame`, and what `attach` throws. */
export async function prove(hello: Hello, { vm, agent, attach }: ProofParts): Promise<GuestRam> {
  if (hello.agent !== agent) {
    throw new PortkeyError(
      'bad-frame',
      `the ${hello.agent} service of ${vm} speaks on the port of ${agent}; check the names of its virtio-serial ports`,
    );
  }
  const ram = await attach(hello);
  try {
    if (holdsNonce(ram, hello)) return ram.retain();
  } finally {
    ram.release();
  }
  throw new PortkeyError(
    'nonce-mismatch',
    `the file given for the RAM of ${vm} is not the RAM of this VM: check ramFile`,
  );
}

function holdsNonce(ram: GuestRam, { nonce, nonceAddress }: Hello): boolean {
  try {
    return ram.read(nonceAddress, nonceBytes).equals(nonce);
  } catch (error) {
    if (asPortkeyError(error).code === 'bad-run') return false;
    throw error;
  }
}
