/**
 * Sizes and limits of the hypercall protocol; docs/hypercalls.md explains each.
 *
 * The frame limit is the size up to which the guest's virtio_console driver hands one write to the device as one
 * buffer: a frame is one virtqueue kick, and no frame is torn when its writer dies.
 */
export const magic = 0x43484b50; // "PKHC" as bytes
export const protocolVersion = 2;

export const headerBytes = 24;
export const maxFrameBytes = 32 * 1024;
export const maxPayloadBytes = maxFrameBytes - headerBytes;

export const runBytes = 16;
export const sendHeaderBytes = 8;
export const maxRunsPerSend = Math.floor((maxPayloadBytes - sendHeaderBytes) / runBytes);

/** 64 MiB of 4 KiB pages. */
export const maxPagesPerSend = 16_384;

/** A run's count has 24 bits, its guest frame number 40 (4 PiB of guest RAM). */
export const maxPagesPerRun = 2 ** 24 - 1;
export const maxPfn = 2 ** 40 - 1;
/** Highest page index of an object: all of a 64-bit address space. */
export const maxPageIndex = 2 ** 52 - 1;

export const nonceBytes = 32;
export const maxKernelBytes = 128;
export const maxMigrationIdBytes = 64;
export const maxObjectNameBytes = 255;
export const maxErrorTextBytes = 1024;

/** Of one conversation, whichever migrations they belong to; also of one stream between two relays. */
export const maxObjects = 1024;

/** SENDs without an answer that a relay grants its guest; each holds at most one frame. */
export const sendCredits = 16;
/**
 * What a relay ignores before a HELLO was proved. An agent that died leaves at most the SENDs that it had credits for; more is
 * a guest that has nothing to say, and each frame costs the relay something.
 */
export const maxBytesBeforeProof = 2 * sendCredits * maxFrameBytes;
/** A longer time without anything to send is a pause between two rounds, and no starvation. */
export const maxStarvedGapMs = 250;

/** In ERROR: not one object but the whole channel. */
export const wholeChannel = 0xffffffff;
