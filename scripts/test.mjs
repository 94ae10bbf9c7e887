import { runtimePackages, testPackages } from './lib/packages.mjs';
import { must } from './lib/run.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages, root } from './lib/set-up.mjs';

checkNode();
await installSystemPackages([...runtimePackages, ...testPackages]);
await installNpmPackages();
await build();
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
await must(process.execPath, [...jest, ...process.argv.slice(2)], { cwd: root });
