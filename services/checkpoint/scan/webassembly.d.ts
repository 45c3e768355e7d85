/** The little of WebAssembly's JavaScript interface that frame-runs.ts uses; Node's types leave it to the browser's. */
/* eslint-disable @typescript-eslint/no-extraneous-class -- it is how a class with a constructor alone is declared */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: Record<string, unknown>;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Global {
    readonly value: unknown;
  }
}
