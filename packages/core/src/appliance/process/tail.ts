import { StringDecoder } from 'node:string_decoder';

/** Keeps the last part of an output, for messages: at most `limit` characters. */
export class Tail {
  readonly #decoder = new StringDecoder('utf8');
  readonly #limit: number;
  #text = '';

  constructor(limit = 64 * 1024) {
    this.#limit = limit;
  }

  add(bytes: Buffer): void {
    this.#text = (this.#text + this.#decoder.write(bytes)).slice(-this.#limit);
  }

  get text(): string {
    return this.#text;
  }

  /** The last lines as a person can read them: without terminal control sequences and empty lines. */
  lines(count = 20): string {
    return lastLines(this.#text, count);
  }
}

/** The last lines of a text, without terminal control sequences and empty lines. */
export function lastLines(text: string, count = 20): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- these are what is taken out
      .replace(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_c])/g, '')
      .split(/[\r\n]+/)
      // eslint-disable-next-line no-control-regex -- a control character would act on the reader's terminal
      .map((line) => line.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '').trimEnd())
      .filter((line) => line !== '')
      .slice(-count)
      .join('\n')
  );
}
