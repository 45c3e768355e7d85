// Writes all of proto/ as one JSON schema module, so that no service has to find .proto files at run time.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';

const [protoRoot, outFile] = process.argv.slice(2);
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  path.join(protoRoot, path.relative(protoRoot, path.resolve(protoRoot, target)));
root.loadSync(readdirSync(path.join(protoRoot, 'portkey/v1')).map((name) => `portkey/v1/${name}`));
writeFileSync(outFile, `export const schemaJson = ${JSON.stringify(JSON.stringify(root.toJSON()))};\n`);
