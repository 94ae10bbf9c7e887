// Builds the two guest programs for x86-64 and arm64. They are kept in bin/, so that a machine with only Node can use them.
//   node native/build.mjs          compiles with the compilers that are there, and writes bin/
//   node native/build.mjs --check  compiles aside and fails when bin/ is not what the sources give (same compiler only)
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const record = join(here, 'bin', 'compilers.json');
const compilers = {
  x64: ['x86_64-linux-gnu-gcc', ...(process.arch === 'x64' ? ['gcc'] : [])],
  arm64: ['aarch64-linux-gnu-gcc', ...(process.arch === 'arm64' ? ['gcc'] : [])],
};
const programs = ['guest-helper', 'guest-init'];
const flags = [
  '-std=c11',
  '-Os',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-unused-function',
  '-ffreestanding',
  '-fno-builtin',
  '-fno-stack-protector',
  '-fno-pic',
  '-fno-asynchronous-unwind-tables',
  '-fno-tree-loop-distribute-patterns',
  '-nostdlib',
  '-static',
  '-no-pie',
  '-Wl,--build-id=none',
  '-Wl,-z,noseparate-code',
  '-Wl,-z,norelro',
  '-s',
];

/** The compiler for an architecture and its version, or undefined where there is none. */
function compilerFor(arch) {
  for (const command of compilers[arch]) {
    try {
      const [version] = execFileSync(command, ['--version'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).split('\n');
      return { command, version: version.replace(/^\S+ /, '') };
    } catch {
      // Not installed: the next one, or none.
    }
  }
  return undefined;
}

function compile(arch, compiler, folder) {
  for (const program of programs) {
    // Run where the sources are and by plain names, so that no path gets into the result.
    execFileSync(compiler.command, [...flags, '-o', join(folder, program), `${program}.c`], {
      cwd: here,
      stdio: 'inherit',
    });
  }
}

const check = process.argv.includes('--check');
const recorded = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : {};
const scratch = mkdtempSync(join(tmpdir(), 'guestfs-native-'));
try {
  for (const arch of Object.keys(compilers)) {
    const compiler = compilerFor(arch);
    if (compiler === undefined || (check && compiler.version !== recorded[arch])) continue;
    compile(arch, compiler, scratch);
    for (const program of programs) {
      const kept = join(here, 'bin', arch, program);
      if (!check) {
        mkdirSync(dirname(kept), { recursive: true });
        copyFileSync(join(scratch, program), kept);
        chmodSync(kept, 0o755);
      } else if (!readFileSync(join(scratch, program)).equals(readFileSync(kept))) {
        console.error(`${kept} is not what ${program}.c gives. Run: node packages/core/native/build.mjs`);
        process.exitCode = 1;
      }
    }
    recorded[arch] = compiler.version;
  }
  if (!check) writeFileSync(record, `${JSON.stringify(recorded, null, 2)}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
