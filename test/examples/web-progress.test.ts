import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { chromium, type Browser } from 'playwright-core';

const server = fileURLToPath(new URL('../../examples/web-progress/server.mjs', import.meta.url));
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The server in a process of its own, as a reader of the example would run it, but on any port and with a small disk. */
async function startServer() {
  const script = `const { startServer } = await import(${JSON.stringify(pathToFileURL(server).href)});
    console.log((await startServer({ mebibytes: 96 })).url);`;
  const process_ = execa(process.execPath, ['--input-type=module', '-e', script], { stderr: 'inherit', reject: false });
  const address = once(createInterface({ input: process_.stdout }), 'line').then(([line]) => String(line));
  const ended = process_.then(() => Promise.reject(new Error('the server ended before it told its address')));
  return { url: await Promise.race([address, ended]), process: process_ };
}

describe('the web page of a running job', () => {
  let browser: Browser;
  let profile: string;
  let running: Awaited<ReturnType<typeof startServer>>;

  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), 'guestfs-web-'));
    running = await startServer();
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_FLAGS });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    running?.process.kill('SIGTERM');
    await running?.process;
    await rm(profile, { recursive: true, force: true });
  });

  test('shows launch, determinate and pulse progress until the job is done', async () => {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on('pageerror', (error) => failures.push(error.message));
    await page.goto(running.url);

    await page.waitForSelector('[data-operation=launch]', { timeout: 120_000 });
    await page.waitForSelector('[data-operation=checksumDevice]', { timeout: 240_000 });
    expect(await page.textContent('#status')).toBe('running');
    const screenshot = process.env['GUESTFS_SCREENSHOT'];
    if (screenshot !== undefined) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-running.png') });
    await page.waitForSelector('#status:text("finished")', { timeout: 240_000 });
    if (screenshot !== undefined) await page.screenshot({ path: screenshot });

    for (const operation of ['launch', 'zeroDevice', 'checksumDevice']) {
      const row = page.locator(`[data-operation=${operation}]`);
      expect(await row.getAttribute('data-done')).toBe('true');
      expect(await row.locator('.detail').textContent()).toMatch(/^done in \d+\.\d s$/);
      expect(await row.locator('progress').getAttribute('value')).toBe('1');
      // The daemon sends its first message after two seconds.
      const pulsed = operation === 'checksumDevice' && Number(await row.getAttribute('data-seconds')) > 3;
      expect(await row.getAttribute('data-pulsed')).toBe(pulsed ? 'true' : null);
    }
    expect(await page.textContent('#warnings')).toBe('');
    expect(failures).toEqual([]);
    await page.close();
  }, 400_000);
});
