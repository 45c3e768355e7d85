/** `open` for each item, or for none: what was opened before one that fails is closed, and its error is thrown. */
export function openEach<Item, Opened>(
  items: Iterable<Item>,
  open: (item: Item) => Opened,
  close: (opened: Opened) => void,
): Opened[] {
  const opened: Opened[] = [];
  try {
    for (const item of items) opened.push(open(item));
  } catch (error) {
    for (const one of opened) close(one);
    throw error;
  }
  return opened;
}
