import { runExample } from '../support/example.js';

describe('the command-line examples', () => {
  test('progress-bar shows a launch, a determinate call and a pulsing one', async () => {
    const output = await runExample('progress-bar/main.mjs', ['64']);
    expect(output).toMatch(/launch .*\[#+-*\]/);
    expect(output).toContain('zero the disk');
    expect(output).toContain('checksum (pulse)');
    expect(output).toMatch(/sha512 [0-9a-f]{16}/);
  }, 400_000);

  test('logging writes one JSON record a line for each source', async () => {
    const output = await runExample('logging/main.mjs');
    const records = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { source?: string; msg: string });
    for (const source of ['appliance', 'library', 'trace']) {
      expect(records.some((record) => record.source === source)).toBe(true);
    }
    expect(records.some((record) => record.msg === 'launched')).toBe(true);
    expect(records.some((record) => record.msg.includes('list_devices'))).toBe(true);
  }, 400_000);
});
