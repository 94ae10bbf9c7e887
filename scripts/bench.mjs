import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runtimePackages, testPackages } from './lib/packages.mjs';
import { build, checkNode, installNpmPackages, installSystemPackages, root } from './lib/set-up.mjs';

const folder = join(root, 'test/bench/cases');
const usage = `Usage: npm run bench [-- [NAME…] [--json] [--quick] [--no-setup]]
Each NAME is a file of test/bench/cases that exports \`about\` and \`run({ quick, report })\`; without one all of them run.
--json prints a JSON line per case, --quick only shows that everything works, --no-setup expects a finished build.`;

const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('-')));
const known = (await readdir(folder)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const wrong = [
  ...[...options].filter((option) => !['--json', '--quick', '--no-setup'].includes(option)),
  ...names.filter((name) => !known.includes(name)),
];
if (wrong.length > 0) {
  console.error(`Not known: ${wrong.join(' ')}\n${usage}\nCases: ${known.join(' ')}`);
  process.exit(2);
}

if (!options.has('--no-setup')) {
  checkNode();
  await installSystemPackages([...runtimePackages, ...testPackages]);
  await installNpmPackages();
  await build();
}

const json = options.has('--json');
const columns = [34, 10, 10, 6, 7, 10, 9];
const row = (cells) =>
  cells
    .map((cell, index) => (index === 0 ? String(cell).padEnd(columns[0]) : String(cell).padStart(columns[index])))
    .join(' ');

/** Takes one line of a case: {case, ours, peer, unit, ratio} and, where it has one, {limit, ofLimit}. */
function report(line) {
  if (json) console.log(JSON.stringify(line));
  else console.log(row([line.case, line.ours, line.peer, line.unit, line.ratio, line.limit ?? '', line.ofLimit ?? '']));
}

if (!json) console.log(row(['case', 'ours', 'peer', 'unit', 'ratio', 'limit', 'of limit']));
for (const name of names.length > 0 ? names : known) {
  const { about, run } = await import(pathToFileURL(join(folder, `${name}.mjs`)).href);
  if (!json) console.log(`-- ${name}: ${about}`);
  await run({ quick: options.has('--quick'), report });
}
