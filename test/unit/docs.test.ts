import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a page's snippets may take for granted: a handle, and the class. */
function given(code: string): string {
  const handle = /\bg = /.test(code) ? '' : "declare const g: import('guestfs').Guestfs;\n";
  return /\bGuestfs\b/.test(code) && !/import .*\bGuestfs\b/.test(code)
    ? `import { Guestfs } from 'guestfs';\n${handle}`
    : handle;
}

/** A name of the reader's own program, such as `password`. */
const isReaders = ({ code, messageText }: ts.Diagnostic): boolean =>
  code === 2304 && /^Cannot find name '[a-z]/.test(ts.flattenDiagnosticMessageText(messageText, ' '));

interface Snippet {
  readonly name: string;
  readonly text: string;
}

/** The JavaScript of a page, each block a module. */
function snippetsOf(page: string): Snippet[] {
  const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```(?:js|ts)\n(.*?)^```$/gms);
  return [...blocks].map(([, code = ''], i) => ({
    name: join(root, 'docs', `${page.replace(/\W/g, '-')}-${i + 1}.ts`),
    text: `${given(code)}${code}\nexport {};\n`,
  }));
}

function check(snippets: readonly Snippet[]): string[] {
  const config = ts.readConfigFile(join(root, 'tsconfig.docs.json'), (path) => ts.sys.readFile(path)).config as object;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // The examples are JavaScript: what TypeScript wants to be told in a catch clause is no mistake there.
  const relaxed = { ...options, useUnknownInCatchVariables: false, noImplicitAny: false };
  const texts = new Map(snippets.map(({ name, text }) => [name, text]));
  const host = ts.createCompilerHost(relaxed);
  const onDisk = ts.createCompilerHost(relaxed);
  host.fileExists = (path) => texts.has(path) || onDisk.fileExists(path);
  host.readFile = (path) => texts.get(path) ?? onDisk.readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = texts.get(path);
    return text === undefined
      ? onDisk.getSourceFile(path, language, ...rest)
      : ts.createSourceFile(path, text, language);
  };
  host.getCurrentDirectory = () => dirname(join(root, 'x'));
  const program = ts.createProgram([...texts.keys()], relaxed, host);
  return [...texts.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found
      .filter((each) => !isReaders(each))
      .map((each) => {
        const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(each.start ?? 0).line;
        const shown = texts.get(name)?.split('\n')[line] ?? '';
        return `${name.slice(root.length)}: ${ts.flattenDiagnosticMessageText(each.messageText, '\n')} (${shown.trim()})`;
      });
  });
}

describe('the documentation', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  it('has snippets that compile against the packages', () => {
    const snippets = pages.flatMap(snippetsOf);
    expect(snippets.length).toBeGreaterThan(10);
    expect(check(snippets)).toEqual([]);
  }, 300_000);

  it('has no link to a page that is not there', () => {
    for (const page of pages) {
      const links = readFileSync(join(root, page), 'utf8').matchAll(/\]\(((?!https?:)[^)#]+)/g);
      for (const [, target = ''] of links) {
        expect([page, target, existsSync(join(root, dirname(page), target))]).toEqual([page, target, true]);
      }
    }
  });
});
