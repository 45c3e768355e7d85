import assert from 'node:assert/strict';

import type { GridPos, Panel } from '@grafana/grafana-foundation-sdk/dashboard';

import { dashboardModels } from './dashboards.js';

const columns = 24;
/** In units of Grafana's grid, of which a laptop shows about twenty at once. */
const maxHeight = 40;

interface Placed {
  readonly title: string;
  readonly gridPos: GridPos;
}

/** What is wrong, one line each. */
function problems(panels: readonly Placed[]): string[] {
  const found: string[] = [];
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    if (gridPos.w < columns / 3) found.push(`${title} is too narrow for three a row`);
    if (gridPos.x + gridPos.w > columns) found.push(`${title} goes beyond the edge`);
    for (const cell of cells(gridPos)) {
      const other = taken.get(cell);
      if (other !== undefined) found.push(`${title} covers ${other} at ${cell}`);
      taken.set(cell, title);
    }
  }
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  if (height > maxHeight) found.push(`${height} is too high`);
  if (taken.size < columns * height) found.push('there are gaps');
  return found;
}

function cells({ x, y, w, h }: GridPos): string[] {
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)}, ${y + Math.floor(index / w)}`);
}

function placed({ title = '', gridPos }: Panel): Placed {
  assert.ok(gridPos, title);
  return { title, gridPos };
}

describe('the layout of dashboards', () => {
  for (const [file, { panels = [] }] of dashboardModels())
    it(`has no gap nor overlap, three panels a row at most, and two screens: ${file}`, () => {
      assert.deepEqual(problems(panels.filter((panel) => panel.type !== 'row').map(placed)), []);
    });

  it('is found wrong where it is', () => {
    const at = (title: string, x: number, y: number, w: number, h: number): Placed => ({
      title,
      gridPos: { x, y, w, h },
    });
    assert.deepEqual(problems([at('a', 0, 0, 12, 1), at('b', 12, 0, 12, 1)]), []);
    assert.deepEqual(problems([at('a', 0, 0, 24, 2), at('b', 0, 1, 8, 1)]).slice(0, 1), [
      'b covers a at 0, 1',
    ]);
    assert.deepEqual(problems([at('a', 0, 0, 12, 1)]), ['there are gaps']);
    assert.deepEqual(problems([at('a', 0, 0, 24, 41)]), ['41 is too high']);
    assert.deepEqual(problems([at('a', 0, 0, 6, 1), at('b', 6, 0, 18, 1)]), [
      'a is too narrow for three a row',
    ]);
  });
});
