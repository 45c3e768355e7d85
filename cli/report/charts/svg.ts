/**
 * SVG and HTML as strings, escaped.
 *
 * `element` escapes attribute values; children are markup already, so text goes through `escapeText`.
 */
export type Attributes = Readonly<Record<string, string | number>>;

export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeText(typeof value === 'number' ? shortNumber(value) : value)}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, [escapeText(content)]);
}

/** A rectangle that says `title` when pointed at. */
export function titledRect(attributes: Attributes, title: string): string {
  return titled('rect', attributes, title);
}

/** Any mark that says `title` when pointed at. */
export function titled(name: string, attributes: Attributes, title: string): string {
  return element(name, attributes, [element('title', {}, [escapeText(title)])]);
}

/** A picture as wide as its column; `label` is for those who do not see it. */
export function picture(width: number, height: number, label: string, children: readonly string[]): string {
  return element(
    'svg',
    { viewBox: `0 0 ${shortNumber(width)} ${shortNumber(height)}`, role: 'img', 'aria-label': label },
    children,
  );
}

const shortNumber = (value: number): string => String(Math.round(value * 100) / 100);
