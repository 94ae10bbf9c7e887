import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packs every package as it would be published and unpacks them into `folder`/node_modules, beside links to the
 * third-party packages of this repository: what runs there is what a user installs, and no network is needed.
 */
export function installPacked(folder) {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder, ...packages], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const thirdParty = new Set();
  for (const { name, filename } of packed) {
    const target = join(modules, name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1']);
    const { dependencies = {} } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
    for (const each of Object.keys(dependencies)) thirdParty.add(each);
  }
  for (const name of thirdParty) {
    const target = join(modules, name);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), target);
  }
}
