/** Asks the test bed's Prometheus, as Grafana does. */
import assert from 'node:assert/strict';

import { z } from 'zod';

const address = `http://127.0.0.1:${process.env.PORTKEY_PROMETHEUS_PORT ?? '9090'}`;

const answerSchema = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z
    .object({
      result: z.array(
        z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
      ),
    })
    .optional(),
});

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** At this instant, or at another, in seconds since 1970. Throws where Prometheus refuses the expression. */
export async function ask(expr: string, atSeconds?: number): Promise<Sample[]> {
  const response = await fetch(`${address}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({
      query: expr,
      ...(atSeconds === undefined ? {} : { time: String(atSeconds) }),
    }),
    signal: AbortSignal.timeout(10_000),
  });
  const { status, error, data } = answerSchema.parse(await response.json());
  assert.equal(status, 'success', `${expr}: ${error ?? ''}`);
  return (data?.result ?? []).map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }));
}

/** The sum of all series, 0 where there is none. */
export async function total(expr: string): Promise<number> {
  return (await ask(expr)).reduce((sum, { value }) => sum + value, 0);
}

const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            type: z.enum(['alerting', 'recording']),
            name: z.string(),
            query: z.string(),
            health: z.string(),
            lastError: z.string().optional(),
            state: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});

export type Rule = z.infer<typeof rulesSchema>['data']['groups'][number]['rules'][number];

export async function rules(): Promise<Rule[]> {
  const response = await fetch(`${address}/api/v1/rules`, { signal: AbortSignal.timeout(10_000) });
  return rulesSchema.parse(await response.json()).data.groups.flatMap((group) => group.rules);
}
