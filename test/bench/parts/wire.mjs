/** The least of the wire format that the bare socket needs; on purpose not the SDK's own codec. */
const number = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const padding = (size) => Buffer.alloc((4 - (size % 4)) % 4);

export const string = (text) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([number(bytes.length), bytes, padding(bytes.length)]);
};
export const int = number;

/** A call's frame. */
export function callFrame(proc, ...args) {
  const header = Buffer.alloc(40);
  [0x2000f5f5, 4, proc, 0, 1].forEach((word, index) => header.writeUInt32BE(word, index * 4));
  const body = Buffer.concat([header, ...args]);
  return Buffer.concat([number(body.length), body]);
}

const CHUNK = 8192;

/** A file as the frames in which it travels. */
export function fileFrames(content) {
  const frames = [];
  for (let at = 0; at < content.length; at += CHUNK) {
    const data = content.subarray(at, at + CHUNK);
    frames.push(
      number(8 + data.length + padding(data.length).length),
      number(0),
      number(data.length),
      data,
      padding(data.length),
    );
  }
  return Buffer.concat([...frames, number(8), number(0), number(0)]);
}

/** The procedures that are pushed through the bare socket. */
export const PROC = {
  mount: 1,
  rmRf: 31,
  mkdir: 32,
  upload: 66,
  download: 67,
  tarIn: 69,
  tarOut: 70,
  readdir: 138,
  getUmask: 240,
  mkfs: 278,
  lstatns: 422,
};

/** Optional arguments that are not set, as they travel. */
export const TAR_OUT = [string(''), int(0), int(0), int(0), int(0), int(0)];
export const TAR_IN = [string(''), int(0), int(0), int(0), int(0)];
