import { runtimePackages, testPackages } from './lib/packages.mjs';
import { must } from './lib/run.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages, root } from './lib/set-up.mjs';

checkNode();
await installSystemPackages([...runtimePackages, ...testPackages]);
await installNpmPackages();
await build();
await must(process.execPath, ['test/packed/run.mjs', ...process.argv.slice(2)], { cwd: root });
