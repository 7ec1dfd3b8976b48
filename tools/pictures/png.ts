import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const COLORS = 256;
/** Colours that agree in so many bits of each part are one to begin with: a gradient must not use up the palette. */
const BITS = 6;
const TYPE = { rgb: 2, palette: 3, rgba: 6 } as const;

/**
 * The same picture in its 256 most frequent colours, which a screenshot of text and flat areas does not miss: a third of
 * the size. @param png with 8 bits a channel, not interlaced, as browsers write it
 */
export function withFewerColors(png: Buffer): Buffer {
  const { width, height, pixels } = decode(png);
  const counts = new Map<number, { count: number; color: number }>();
  for (const color of pixels) {
    const bucket = counts.get(bucketOf(color));
    if (bucket === undefined) counts.set(bucketOf(color), { count: 1, color });
    else bucket.count++;
  }
  const palette = [...counts.values()]
    .sort((one, other) => other.count - one.count)
    .slice(0, COLORS)
    .map(({ color }) => color);
  const indexes = new Map<number, number>();
  // Each line begins with the number of its filter: none.
  const lines = Buffer.alloc(height * (width + 1));
  for (const [at, color] of pixels.entries()) {
    const bucket = bucketOf(color);
    const index = indexes.get(bucket) ?? nearest(palette, color);
    indexes.set(bucket, index);
    lines[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = index;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, TYPE.palette], 8);
  const colors = Buffer.from(palette.flatMap(partsOf));
  const data = deflateSync(lines, { level: 9, memLevel: 9 });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('PLTE', colors), chunk('IDAT', data), chunk('IEND')]);
}

function decode(png: Buffer): { width: number; height: number; pixels: Uint32Array } {
  const parts = new Map<string, Buffer[]>();
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString('latin1', at + 4, at + 8);
    parts.set(name, [...(parts.get(name) ?? []), png.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  const header = parts.get('IHDR')?.[0];
  if (header === undefined) throw new Error('This is no PNG.');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [bits, type, , , interlaced] = header.subarray(8);
  if (bits !== 8 || (type !== TYPE.rgb && type !== TYPE.rgba) || interlaced !== 0)
    throw new Error(`A PNG of ${bits} bits and type ${type} is not one that browsers write.`);
  const size = type === TYPE.rgb ? 3 : 4;
  const bytes = unfiltered(inflateSync(Buffer.concat(parts.get('IDAT') ?? [])), width * size, height, size);
  const pixels = new Uint32Array(width * height);
  for (let at = 0; at < pixels.length; at++) pixels[at] = bytes.readUIntBE(at * size, 3);
  return { width, height, pixels };
}

/** Takes back what the filter of each line did (PNG specification, 9.2). */
function unfiltered(data: Buffer, stride: number, height: number, size: number): Buffer {
  const bytes = Buffer.alloc(stride * height);
  for (let line = 0; line < height; line++) {
    const filter = data[line * (stride + 1)] ?? 0;
    for (let column = 0; column < stride; column++) {
      const at = line * stride + column;
      const left = column < size ? 0 : (bytes[at - size] ?? 0);
      const up = line === 0 ? 0 : (bytes[at - stride] ?? 0);
      const corner = line === 0 || column < size ? 0 : (bytes[at - stride - size] ?? 0);
      const guesses = [0, left, up, (left + up) >> 1, paeth(left, up, corner)];
      bytes[at] = (data[line * (stride + 1) + 1 + column] ?? 0) + (guesses[filter] ?? 0);
    }
  }
  return bytes;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function nearest(palette: readonly number[], color: number): number {
  const [red, green, blue] = partsOf(color);
  const distances = palette.map((other) => {
    const [otherRed, otherGreen, otherBlue] = partsOf(other);
    return (red - otherRed) ** 2 + (green - otherGreen) ** 2 + (blue - otherBlue) ** 2;
  });
  return distances.indexOf(Math.min(...distances));
}

function partsOf(color: number): [number, number, number] {
  return [color >> 16, (color >> 8) & 0xff, color & 0xff];
}

function bucketOf(color: number): number {
  const [red, green, blue] = partsOf(color).map((part) => part >> (8 - BITS)) as [number, number, number];
  return (red << (2 * BITS)) | (green << BITS) | blue;
}

function chunk(name: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
