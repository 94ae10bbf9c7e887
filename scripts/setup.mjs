import { runtimePackages, testPackages } from './lib/packages.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages } from './lib/set-up.mjs';

checkNode();
await installSystemPackages([...runtimePackages, ...testPackages]);
await installNpmPackages();
await build();
