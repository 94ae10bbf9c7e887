import { runtimePackages, testPackages } from './lib/packages.mjs';
import { must } from './lib/run.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages, root } from './lib/set-up.mjs';

checkNode();
await installSystemPackages([...runtimePackages, ...testPackages]);
await installNpmPackages();
await build();
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
const wanted = process.argv.slice(2);
const projects = wanted.includes('--selectProjects') ? [] : ['--selectProjects', 'unit', 'native', 'appliance'];
await must(process.execPath, [...jest, ...wanted, ...projects], { cwd: root });
