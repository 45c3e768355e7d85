/** Prometheus' rules and alerts, as prometheus/*.yml has them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

const ruleFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({ record: z.string().optional(), alert: z.string().optional(), expr: z.string() }),
      ),
    }),
  ),
});

export interface Rule {
  /** Of the series or the alert. */
  readonly name: string;
  readonly isRecorded: boolean;
  readonly expr: string;
}

export function prometheusRules(project: string): Rule[] {
  return ['rules.yml', 'alerts.yml'].flatMap((file) => {
    const text = readFileSync(path.join(project, 'prometheus', file), 'utf8');
    return ruleFile.parse(parse(text)).groups.flatMap(({ rules }) =>
      rules.map(({ record, alert, expr }) => ({
        name: record ?? alert ?? '',
        isRecorded: record !== undefined,
        expr,
      })),
    );
  });
}
