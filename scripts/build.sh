#!/usr/bin/env bash
# Compiles everything into build/: gRPC types from proto/, the loop over page tables (WebAssembly), TypeScript, and the programs that run in the guests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# One build at a time: two terminals may start commands at once.
mkdir -p build
exec 9>build/.lock
flock 9
# Its time becomes that of build/.complete: a file that is written while this runs counts as newer than the build.
touch build/.started

generated=libraries/rpc/generated
if [ ! -f "$generated/schema.ts" ] || [ -n "$(find proto scripts/generate-schema.mjs -newer "$generated/schema.ts" -print -quit)" ]; then
  rm -rf "$generated"
  (cd proto && ../node_modules/.bin/proto-loader-gen-types --longs=Number --enums=String --defaults --arrays --oneofs \
    --grpcLib=@grpc/grpc-js --importFileExtension=.js --inputTemplate='%s' --outputTemplate='%sOutput' \
    -I . -O "../$generated" portkey/v1/*.proto >/dev/null)
  node scripts/generate-schema.mjs proto "$generated/schema.ts"
fi

scan=services/checkpoint/scan
loop=$scan/generated/frame-runs.ts
if [ ! -f "$loop" ] || [ -n "$(find "$scan/assembly" scripts/generate-frame-runs.mjs -newer "$loop" -print -quit)" ]; then
  mkdir -p "$scan/generated"
  node scripts/generate-frame-runs.mjs "$scan/assembly/frame-runs.ts" "$loop"
fi

node_modules/.bin/tsc -p tsconfig.json

# Data files that the code finds beside itself.
find services libraries testbed cli \( -name '*.lua' -o -name '*.pml' \) -print0 | while IFS= read -r -d '' file; do
  install -D -m 644 "$file" "build/$file"
done

# The command line is one file, which loads in half of the time of its hundreds. What CommonJS modules expect is made for
# them; the health service's proto is read from ../../proto, from there and in the guests.
bundle=build/bundle
rm -rf "$bundle"
node_modules/.bin/esbuild build/cli/main.js --bundle --platform=node --target=node20 --format=esm \
  --external:koffi --external:pino-pretty --log-level=warning --outfile="$bundle/cli/portkey.mjs" \
  --banner:js="import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url), __dirname = import.meta.dirname;"
# So is the health check of the containers, which is started again and again.
node_modules/.bin/esbuild build/testbed/compose/health/main.js --bundle --platform=node --target=node20 --format=esm \
  --log-level=warning --outfile="$bundle/compose/health.mjs" \
  --banner:js="import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url), __dirname = import.meta.dirname;"
rm -rf build/proto
cp -r node_modules/grpc-health-check/proto build/proto

# Each guest program is one file, so that it starts fast in an emulated guest. Beside it stand koffi, whose native
# half cannot be bundled, and that proto.
guest=build/guest
rm -rf "$guest"
mkdir -p "$guest/node_modules/koffi/src" "$guest/node_modules/@koromix"
for program in services/checkpoint services/restore testbed/guest-agent testbed/yardstick/granted-pages/landing-guest services/checkpoint/yardstick/scan-ways; do
  name=$(basename "$program")
  node_modules/.bin/esbuild "build/$program/main.js" --bundle --platform=node --target=node20 --format=cjs \
    --external:koffi --external:pino-pretty --log-level=warning --outfile="$guest/programs/$name/main.cjs"
  echo "require('./programs/$name/main.cjs');" >"$guest/$name.cjs"
done
cp -r node_modules/grpc-health-check/proto "$guest/proto"
cp -r node_modules/koffi/{package.json,index.cjs,index.js,indirect.cjs,indirect.js,lib} "$guest/node_modules/koffi/"
cp -r node_modules/koffi/src/koffi "$guest/node_modules/koffi/src/"
cp -r node_modules/@koromix/koffi-linux-x64 "$guest/node_modules/@koromix/"
mv build/.started build/.complete
