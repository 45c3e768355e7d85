/**
 * The time series that the services have, read from their source: this folder knows them by their metrics only.
 *
 * A metric is an object literal with a `name` and a `help`, which prom-client asks for; one with `buckets` is a histogram,
 * which has three series and none of the plain name. The relay's `total` gets both as arguments.
 *
 * Limits: names that are put together at run time, and what prom-client has by itself (process_…, nodejs_…).
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

const folders = ['libraries', 'services'];
const histogramParts = ['_bucket', '_sum', '_count'];

export function registeredSeries(project: string): Set<string> {
  const files = folders.flatMap((folder) => sources(path.join(project, folder)));
  return new Set(files.flatMap((file) => seriesIn(readFileSync(file, 'utf8'))));
}

export function seriesIn(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    found.push(...seriesOf(node));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest));
  return found;
}

function seriesOf(node: ts.Node): string[] {
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'total')
    return node.arguments
      .filter(ts.isStringLiteral)
      .slice(0, 1)
      .map(({ text }) => text);
  if (!ts.isObjectLiteralExpression(node)) return [];
  const values = new Map(node.properties.map((property) => [nameOf(property), property]));
  const name = values.get('name');
  if (name === undefined || !values.has('help')) return [];
  if (!ts.isPropertyAssignment(name) || !ts.isStringLiteral(name.initializer)) return [];
  const { text } = name.initializer;
  return values.has('buckets') ? histogramParts.map((part) => text + part) : [text];
}

function nameOf({ name }: ts.ObjectLiteralElementLike): string | undefined {
  return name !== undefined && ts.isIdentifier(name) ? name.text : undefined;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => path.join(folder, file));
}
