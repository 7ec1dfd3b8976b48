// Makes the two clips that the simulator serves: media/before.mp4 (a moving test picture with a subtitle and a logo on it)
// and media/after.mp4 (the same frames without them). Both are committed; run this again only to change them.
//
//   node tools/make-clips.mjs        needs ffmpeg with libx264 on PATH

import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SECONDS = 4;
const folder = fileURLToPath(new URL('../media/', import.meta.url));

// Drawn as boxes, so that the result does not depend on which fonts a machine has.
const words = [0, 34, 58, 104, 126].map((x, at) => ({ x: 84 + x, width: [28, 18, 40, 16, 26][at] }));
const subtitle = words.map(({ x, width }) => `drawbox=x=${x}:y=150:w=${width}:h=10:color=white:t=fill`);
const logo = ['drawbox=x=264:y=12:w=44:h=18:color=orange:t=fill', 'drawbox=x=270:y=18:w=32:h=6:color=black:t=fill'];

mkdirSync(folder, { recursive: true });
for (const [name, overlay] of [
  ['before', [...subtitle, ...logo]],
  ['after', []],
]) {
  const output = `${folder}${name}.mp4`;
  execFileSync(
    'ffmpeg',
    [
      ...['-y', '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=12:duration=${SECONDS}`],
      ...['-vf', [...overlay, 'format=yuv420p'].join(',')],
      ...['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'veryslow', '-crf', '34', '-threads', '1'],
      // No dates and no encoder names: the same ffmpeg gives the same bytes.
      ...['-fflags', '+bitexact', '-flags:v', '+bitexact', '-map_metadata', '-1', '-movflags', '+faststart', output],
    ],
    { stdio: 'inherit' },
  );
  console.log(`${output}: ${statSync(output).size} bytes`);
}
