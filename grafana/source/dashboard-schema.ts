/**
 * Checks a dashboard's file against a JSON schema that is made of dashboard-file.ts, so of Grafana's published types. What they
 * do not name is refused.
 *
 * Limits: what they leave open, the values of matchers and overrides; and how many digits, colours or functions there are.
 */
import path from 'node:path';

import { Ajv, type AnySchemaObject } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

/** What is wrong, one line each; nothing where all is well. */
export type Validator = (dashboard: unknown) => string[];

/** `project` is the folder of tsconfig.json. Takes seconds: it compiles. */
export function dashboardValidator(project: string): Validator {
  const schema = createGenerator({
    path: path.join(project, 'grafana/source/dashboard-file.ts'),
    tsconfig: path.join(project, 'tsconfig.json'),
    type: 'DashboardFile',
    additionalProperties: false,
    // Several packages have an `Options`.
    expose: 'none',
    discriminatorType: 'open-api',
    // The build has checked them.
    skipTypeCheck: true,
  }).createSchema('DashboardFile');
  const validate = new Ajv({ discriminator: true, allErrors: true, allowUnionTypes: true }).compile(
    schema as AnySchemaObject,
  );
  return (dashboard) => {
    if (validate(dashboard)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  };
}
