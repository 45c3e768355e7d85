/** What a piece of work took this process, all of its threads. */
export interface FloorFigures {
  readonly cpuSeconds: number;
  readonly seconds: number;
}

export function stopwatch(): () => FloorFigures {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - startMs) / 1000 };
  };
}
