/** Bytes as a daemon sends them, built by hand: nothing here comes from the code under test. */

export function u32(value: number): Buffer {
  return Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
}

export function i32(value: number): Buffer {
  return u32(value >>> 0);
}

export function u64(value: bigint): Buffer {
  return Buffer.from(BigInt.asUintN(64, value).toString(16).padStart(16, '0'), 'hex');
}

export function f32(value: number): Buffer {
  return Buffer.from(new Uint8Array(new Float32Array([value]).buffer).reverse());
}

export function opaque(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

export function strings(values: readonly string[]): Buffer {
  return Buffer.concat([u32(values.length), ...values.map((value) => opaque(value))]);
}

export function frame(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length), body]);
}

export function header(proc: number, serial: number, status = 0, direction = 1): Buffer {
  return Buffer.concat([
    u32(0x2000f5f5),
    u32(4),
    u32(proc),
    u32(direction),
    u32(serial),
    u64(0n),
    u64(0n),
    u32(status),
  ]);
}

export function okReply(proc: number, serial: number, ...body: readonly Uint8Array[]): Buffer {
  return frame(header(proc, serial), ...body);
}

export function errorReply(proc: number, serial: number, errno: string, message: string): Buffer {
  return frame(header(proc, serial, 1), opaque(errno), opaque(message));
}

export function chunk(data: string | Uint8Array): Buffer {
  return frame(u32(0), opaque(data));
}

export const END_CHUNK = Buffer.from('000000080000000000000000', 'hex');
export const CANCEL_CHUNK = Buffer.from('000000080000000100000000', 'hex');
export const LAUNCH_WORD = Buffer.from('f5f55ff5', 'hex');
export const CANCEL_WORD = Buffer.from('ffffeeee', 'hex');

export function progress(proc: number, serial: number, position: bigint, total: bigint): Buffer {
  return Buffer.concat([Buffer.from('ffff5555', 'hex'), u32(proc), u32(serial), u64(position), u64(total)]);
}
