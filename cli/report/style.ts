/**
 * The look of report pages: one style sheet, light and dark by the reader's setting, nothing loaded.
 *
 * Colours of parts and modes are apart in hue and in lightness, so that they can be told apart in print and with
 * colour-blind eyes.
 */
export const style = `
:root { color-scheme: light dark; --page: #fbfbf9; --card: #ffffff; --ink: #1d2126; --quiet: #667079;
  --line: #e1e4e6; --criu: #b8803a; --portkey: #2166ac; --vm: #355c8a; --relay: #5fa88f; --virtiofsd: #c9a227;
  --vhost: #a8577e; --precopy: #7aa6d6; --final: #d9823b; --restore: #6a9a5b; --hatch: #ffffffb0;
  --good: #23733f; --bad: #a8322a; --source: #2166ac; --destination: #7aa6d6; --whole-vm: #6a9a5b; }
@media (prefers-color-scheme: dark) { :root { --page: #15181b; --card: #1d2226; --ink: #e6e9eb; --quiet: #98a2ab;
  --line: #333a40; --criu: #d39b52; --portkey: #5b9fe0; --vm: #6d9bd1; --relay: #6fbfa3; --virtiofsd: #d8b846;
  --vhost: #c9779d; --precopy: #5f8fc4; --final: #cf7a35; --restore: #6f9f60; --hatch: #00000080;
  --good: #6fc28a; --bad: #e58076; --source: #5b9fe0; --destination: #35618f; --whole-vm: #6f9f60; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 820px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 0 0 4px; }
h3 { font-size: 16px; margin: 22px 0 0; }
p { margin: 8px 0; }
.quiet { color: var(--quiet); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 22px 24px;
  margin-top: 20px; overflow-x: auto; }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 16px; margin: 20px 0 4px; }
.headline div { border-left: 3px solid var(--portkey); padding-left: 12px; }
.headline b { display: block; font-size: 28px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.headline span { color: var(--quiet); font-size: 14px; }
section svg { display: block; width: 100%; min-width: 560px; height: auto; margin-top: 14px; font-size: 13px; overflow: visible; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick, svg .axis { fill: var(--quiet); font-size: 12px; }
svg .group { font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 5px; }
svg .inside { fill: #ffffff; font-size: 12px; }
svg .value { font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .bracket { fill: none; stroke: var(--ink); stroke-width: 1.5; }
svg .step { stroke: var(--card); stroke-width: 1; }
svg .hatched { fill: url(#hatch); }
svg .line { fill: none; stroke-width: 2; }
svg .dashed { stroke-dasharray: 5 4; }
svg .whisker { stroke-width: 1.5; }
.multiples { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 18px 24px; margin-top: 14px; }
.multiples figure { margin: 0; }
.multiples figcaption { font-weight: 600; font-size: 14px; }
.multiples svg { min-width: 0; margin-top: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0; list-style: none; font-size: 14px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; margin-top: 10px; font-size: 15px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td { white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); font-size: 13px; }
.compact table { font-size: 14px; }
.compact th, .compact td { padding: 5px 8px; }
.compact th:first-child, .compact td:first-child { padding-left: 0; }
.scroll { overflow-x: auto; }
.sample { background: #a8322a; color: #ffffff; padding: 8px 12px; border-radius: 6px; font-weight: 600; }
${colourClasses(['criu', 'portkey', 'vm', 'relay', 'virtiofsd', 'vhost', 'precopy', 'final', 'restore', 'source', 'destination', 'whole-vm', 'quiet'])}
`;

function colourClasses(keys: readonly string[]): string {
  return keys
    .map(
      (key) =>
        `.fill-${key} { fill: var(--${key}); background: var(--${key}); }\n.stroke-${key} { stroke: var(--${key}); }`,
    )
    .join('\n');
}
