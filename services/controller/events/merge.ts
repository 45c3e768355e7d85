/**
 * Several streams as one: each item as soon as it comes, those of one stream in their order. Ends when all have ended.
 */
export async function* merge<T>(streams: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = async (stream: AsyncGenerator<T>) => ({ stream, result: await stream.next() });
  const pending = new Map(streams.map((stream) => [stream, next(stream)]));
  try {
    while (pending.size > 0) {
      const { stream, result } = await Promise.race(pending.values());
      if (result.done === true) pending.delete(stream);
      else {
        pending.set(stream, next(stream));
        yield result.value;
      }
    }
  } finally {
    // Whoever stops listening lets all of them end; they do so when what they wait for comes, or their signal fires.
    for (const stream of pending.keys()) stream.return(undefined).catch(() => undefined);
  }
}
