// Compiles the loop over pagemap entries to WebAssembly and writes it as a module, so that no program has to find a
// file at run time.
import { writeFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const [source, outFile] = process.argv.slice(2);
const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--outFile', 'program.wasm'];
let program;
const { error, stderr } = await asc.main([source, ...flags], {
  writeFile: (_name, contents) => {
    program = contents;
  },
});
if (error) throw new Error(`${source} does not compile:\n${stderr.toString()}`);
const base64 = Buffer.from(program).toString('base64');
writeFileSync(outFile, `export const frameRunsProgram = '${base64}';\n`);
