import { expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

test('what is wrong does not compile, what is right does with no annotation', () => {
  const file = fileURLToPath(new URL('./types.test-d.ts', import.meta.url));
  const config = fileURLToPath(new URL('../../../tsconfig.base.json', import.meta.url));
  const { options } = ts.convertCompilerOptionsFromJson(
    (ts.readConfigFile(config, (path) => ts.sys.readFile(path)).config as { compilerOptions: object }).compilerOptions,
    fileURLToPath(new URL('.', import.meta.url)),
  );
  const program = ts.createProgram([file], { ...options, composite: false, noEmit: true });
  const problems = ts.getPreEmitDiagnostics(program).map((problem) => {
    const line = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0;
    return `${line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
  });
  expect(problems).toEqual([]);
}, 60_000);
