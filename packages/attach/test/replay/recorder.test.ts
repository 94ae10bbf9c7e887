import { describe, expect, test } from '@jest/globals';
import { procedures } from '@guestfs/core/protocol';
import { Recorder } from '../../src/replay/recorder.js';
import type { SessionRecord } from '../../src/replay/records.js';

/** A message of a client or a daemon, written by hand. */
function message(proc: number, direction: 0 | 1, serial: number, status = 0, body = ''): Buffer {
  const words = [0x2000f5f5, 4, proc, direction, serial, 0, 0, 0, 0, status];
  const bytes = Buffer.alloc(4 + 40);
  bytes.writeUInt32BE(40 + body.length / 2);
  words.forEach((word, i) => bytes.writeUInt32BE(word, 4 + 4 * i));
  return Buffer.concat([bytes, Buffer.from(body, 'hex')]);
}

const SCAN = procedures.internalYaraScan.proc;
const UMASK = procedures.getUmask.proc;
const LOAD = procedures.yaraLoad.proc;
const PING = 92;
const CANCEL_WORD = Buffer.from('ffffeeee', 'hex');
const CANCEL_CHUNK = Buffer.from('000000080000000100000000', 'hex');
const END_CHUNK = Buffer.from('000000080000000000000000', 'hex');
const DATA = Buffer.from('0000000c000000000000000478787878', 'hex');
/** The only argument of a scan: the path `/f`. */
const PATH = '000000022f660000';

/** What is recorded, call by call: the answers to each. */
function record(play: (recorder: Recorder) => void): { name: string; answers: string[] }[] {
  const calls: { name: string; answers: string[] }[] = [];
  const recorder = new Recorder((each: SessionRecord) => {
    if (each.kind === 'call') calls.push({ name: each.name, answers: [] });
    if (each.kind === 'answer') calls.at(-1)!.answers.push(Buffer.from(each.bytes).toString('hex'));
  });
  play(recorder);
  return calls;
}

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('a recording', () => {
  test('has one end of a file of which the daemon says twice that it stopped', () => {
    const calls = record((recorder) => {
      recorder.sent(message(SCAN, 0, 1, 0, PATH));
      recorder.received(Buffer.concat([message(SCAN, 1, 1), DATA]));
      recorder.sent(CANCEL_WORD);
      recorder.received(CANCEL_CHUNK);
      recorder.sent(message(UMASK, 0, 2));
      recorder.received(Buffer.concat([CANCEL_CHUNK, message(UMASK, 1, 2, 0, '00000012')]));
    });
    expect(calls).toEqual([
      { name: 'internalYaraScan', answers: [message(SCAN, 1, 0), DATA, CANCEL_CHUNK].map(hex) },
      { name: 'getUmask', answers: [hex(message(UMASK, 1, 0, 0, '00000012'))] },
    ]);
  });

  test('has an end where the daemon told none and answered a probe, and no probe', () => {
    const calls = record((recorder) => {
      recorder.sent(message(SCAN, 0, 1, 0, PATH));
      recorder.received(Buffer.concat([message(SCAN, 1, 1), DATA]));
      recorder.sent(CANCEL_WORD);
      recorder.received(message(PING, 1, 2));
      recorder.sent(message(UMASK, 0, 3));
      recorder.received(message(UMASK, 1, 3, 0, '00000012'));
    });
    expect(calls.map(({ answers }) => answers)).toEqual([
      [message(SCAN, 1, 0), DATA, CANCEL_CHUNK].map(hex),
      [hex(message(UMASK, 1, 0, 0, '00000012'))],
    ]);
  });

  test('has an error for a call that was not answered', () => {
    const calls = record((recorder) => {
      recorder.sent(message(LOAD, 0, 1));
      recorder.sent(END_CHUNK);
      recorder.sent(message(UMASK, 0, 3));
      recorder.received(message(PING, 1, 2));
      recorder.received(message(UMASK, 1, 3, 0, '00000012'));
    });
    const [load, umask] = calls;
    expect(load!.answers).toHaveLength(1);
    const answer = Buffer.from(load!.answers[0]!, 'hex');
    expect([answer.readUInt32BE(), answer.readUInt32BE(12), answer.readUInt32BE(40)]).toEqual([
      answer.length - 4,
      LOAD,
      1,
    ]);
    expect(umask!.answers).toEqual([hex(message(UMASK, 1, 0, 0, '00000012'))]);
  });

  test('has the error that is told in the middle of a file, and the end after it', () => {
    const error = message(SCAN, 1, 1, 1, '0000000000000001' + '78000000');
    const calls = record((recorder) => {
      recorder.sent(message(SCAN, 0, 1, 0, PATH));
      recorder.received(Buffer.concat([message(SCAN, 1, 1), DATA, error, CANCEL_CHUNK]));
    });
    expect(calls[0]!.answers).toHaveLength(4);
    expect(calls[0]!.answers[3]).toBe(hex(CANCEL_CHUNK));
  });
});
