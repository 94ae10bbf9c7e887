import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { runtimePackages } from './lib/packages.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages, root } from './lib/set-up.mjs';

const [image] = process.argv.slice(2).map((argument) => resolve(process.env.INIT_CWD ?? '.', argument));

// npm may be killed without telling its child; an orphaned quickstart must not go on by itself.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 500).unref();

checkNode();
await installSystemPackages(runtimePackages);
await installNpmPackages();
await build();
// In this process, so that killing it leaves nobody behind who could go on.
const { quickstart, inspect } = await import(pathToFileURL(join(root, 'examples/quickstart/quickstart.mjs')).href);
process.exitCode = image === undefined ? await quickstart() : await inspect(image);
