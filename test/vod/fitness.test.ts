import { expect, it } from 'vitest';
import { readMediaInfos } from '../../src/tencent-vod/answers.js';

const said = (basic: object | null, meta: object | null) =>
  readMediaInfos('DescribeMediaInfos', {
    MediaInfoSet: [{ FileId: '1', BasicInfo: basic, MetaData: meta }],
    RequestId: 'r',
  }).media[0]?.unfit;

const VIDEO = { Width: 640, Height: 360, Duration: 5, VideoStreamSet: [{ Codec: 'h264' }], AudioStreamSet: [{}] };
const SOUND = { Width: 0, Height: 0, Duration: 5, VideoStreamSet: [], AudioStreamSet: [{ Codec: 'aac' }] };

it.each([
  ['a video', { Category: 'Video', Status: 'Normal', StorageClass: 'STANDARD' }, VIDEO, undefined],
  ['one that is read seldom', { Category: 'Video', StorageClass: 'STANDARD_IA' }, VIDEO, undefined],
  ['nothing', null, null, undefined],
  ['words that are new', { Category: 'Model', Status: 'Checked', StorageClass: 'COLD' }, VIDEO, undefined],
  ['a file that is not read yet', { Category: 'Video' }, null, undefined],
  [
    'one without any stream yet',
    { Category: 'Video' },
    { ...SOUND, AudioStreamSet: null, VideoStreamSet: null },
    undefined,
  ],
  ['streams that are not told', { Category: 'Video' }, { Width: 640, Height: 360, Duration: 5 }, undefined],
  ['audio', { Category: 'Audio' }, SOUND, 'audio'],
  ['an image', { Category: 'Image' }, null, 'image'],
  ['a container with sound only', { Category: 'Video' }, SOUND, 'noVideo'],
  ['a blocked file', { Category: 'Video', Status: 'Forbidden' }, VIDEO, 'forbidden'],
  ['one that the vendor blocked', { Category: 'Video', Status: 'SystemForbidden' }, VIDEO, 'forbidden'],
  ['an archived one', { Category: 'Video', StorageClass: 'ARCHIVE' }, VIDEO, 'archived'],
  ['one deep in the archive', { Category: 'Video', StorageClass: 'DEEP_ARCHIVE' }, VIDEO, 'archived'],
])('%s', (_what, basic, meta, unfit) => {
  expect(said(basic, meta)).toBe(unfit);
});
