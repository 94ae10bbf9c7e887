import { StringDecoder } from 'node:string_decoder';

/** Cuts the appliance's output, which comes in pieces of any length, into whole lines. */
export function lineSplitter(onLine) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    write(bytes) {
      const lines = (rest + decoder.write(Buffer.from(bytes))).split(/\r*\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') onLine(line);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
