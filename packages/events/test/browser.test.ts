import { beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { forwardEvents, GuestfsEmitter } from '../src/index.js';
import { oneOfEach } from './helpers.js';

let code: string;
let inputs: string[];
beforeAll(async () => {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('../src/receive.ts', import.meta.url))],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'guestfsEvents',
    write: false,
    metafile: true,
  });
  code = result.outputFiles[0]!.text;
  inputs = Object.keys(result.metafile.inputs);
});

describe('the receiving half in a browser', () => {
  test('bundles without anything of Node, or of the halves that need it', () => {
    expect(code).not.toMatch(/\brequire\(|from ?["']node:/);
    for (const part of ['recording/read', 'recording/record', 'recording/file', 'fallback', 'bridge/forward']) {
      expect(inputs.filter((input) => input.endsWith(`src/${part}.ts`))).toEqual([]);
    }
  });

  test('shows live events where there are only the globals of the web', async () => {
    const web = {
      TextEncoder,
      TextDecoder,
      AbortController,
      queueMicrotask,
      performance,
      setTimeout,
      clearTimeout,
      atob,
      btoa,
    };
    const page = new EventTarget() as EventTarget & { postMessage(message: unknown): void; start(): void };
    const worker = new EventTarget() as typeof page;
    const deliver = (to: EventTarget) => (data: unknown) =>
      void setTimeout(() => to.dispatchEvent(Object.assign(new Event('message'), { data: structuredClone(data) })));
    page.postMessage = deliver(worker);
    worker.postMessage = deliver(page);

    const context = vm.createContext({ ...web, Uint8Array, port: page });
    expect(vm.runInContext('typeof process + typeof Buffer + typeof require', context)).toBe('undefined'.repeat(3));
    vm.runInContext(code, context);
    const lines = vm.runInContext(
      `(async () => {
        const lines = [];
        for await (const e of guestfsEvents.receiveEvents(port)) {
          lines.push([e.type, e.text, e.type === 'progress' ? String(e.position) : ''].join('|'));
        }
        return lines;
      })()`,
      context,
    ) as Promise<string[]>;

    const emitter = new GuestfsEmitter();
    forwardEvents(emitter, worker);
    for (const event of oneOfEach()) emitter.dispatch(event);
    expect(await lines).toEqual(
      oneOfEach().map((e) => [e.type, e.text, e.type === 'progress' ? `${e.position}` : ''].join('|')),
    );
  });
});
