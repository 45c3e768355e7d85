/** What a PromQL expression asks for, by the grammar that the Prometheus project publishes for its own editor. */
import { parser } from '@prometheus-io/lezer-promql';

/** The names of all metrics in it. Throws where it does not parse, and where a selector has no name. */
export function metricNames(expr: string): Set<string> {
  const names = new Set<string>();
  parser.parse(expr).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) throw new Error(`not PromQL at "${expr.slice(from)}": ${expr}`);
      if (type.name !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      if (name === null) throw new Error(`no metric's name in "${expr.slice(from, to)}": ${expr}`);
      names.add(expr.slice(name.from, name.to));
    },
  });
  return names;
}
