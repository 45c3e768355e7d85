// Writes proto/ as a JSON schema for each service, with the messages that it needs and no others: a process has no .proto files
// to find at run time, and loads those services that it speaks.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';

const [protoRoot, outFile] = process.argv.slice(2);
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  path.join(protoRoot, path.relative(protoRoot, path.resolve(protoRoot, target)));
root.loadSync(readdirSync(path.join(protoRoot, 'portkey/v1')).map((name) => `portkey/v1/${name}`));
root.resolveAll();

const packageJson = root.lookup('portkey.v1').toJSON();
const schemas = root
  .lookup('portkey.v1')
  .nestedArray.filter((each) => each instanceof protobuf.Service)
  .map((service) => {
    const names = new Set([service.name]);
    for (const method of service.methodsArray)
      for (const type of [method.resolvedRequestType, method.resolvedResponseType])
        addWithFields(names, type);
    const nested = Object.fromEntries([...names].map((name) => [name, packageJson.nested[name]]));
    const schema = { nested: { portkey: { nested: { v1: { ...packageJson, nested } } } } };
    return `  ${service.name}: ${JSON.stringify(JSON.stringify(schema))},\n`;
  });
writeFileSync(outFile, `export const schemas = {\n${schemas.join('')}} as const;\n`);

/** Types within a message go with it, so their names are not needed. */
function addWithFields(names, type) {
  if (type === null || names.has(type.name)) return;
  if (type.parent.fullName === '.portkey.v1') names.add(type.name);
  for (const field of type.fieldsArray ?? []) addWithFields(names, field.resolve().resolvedType);
}
