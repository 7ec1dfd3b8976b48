import type { SimulatedClock } from './clock.js';
import { hasVideoStream, type Media } from './media-library.js';

/** DescribeMediaInfos, `Filters`: the name of each part, and the response field that it fills. */
export const MEDIA_PARTS: Record<string, string> = {
  basicInfo: 'BasicInfo',
  metaData: 'MetaData',
  transcodeInfo: 'TranscodeInfo',
  animatedGraphicsInfo: 'AnimatedGraphicsInfo',
  imageSpriteInfo: 'ImageSpriteInfo',
  snapshotByTimeOffsetInfo: 'SnapshotByTimeOffsetInfo',
  sampleSnapshotInfo: 'SampleSnapshotInfo',
  keyFrameDescInfo: 'KeyFrameDescInfo',
  adaptiveDynamicStreamingInfo: 'AdaptiveDynamicStreamingInfo',
  miniProgramReviewInfo: 'MiniProgramReviewInfo',
  subtitleInfo: 'SubtitleInfo',
  reviewInfo: 'ReviewInfo',
  mpsAiMediaInfo: 'MPSAiMediaInfo',
  knowledgeBasesInfo: 'KnowledgeBasesInfo',
};

/** Bit rate of every file, in bits per second. */
const BIT_RATE = 2_000_000;

export function mediaUrl(baseUrl: string, media: Pick<Media, 'subAppId' | 'fileId'>): string {
  return `${baseUrl}/media/${media.subAppId}/${media.fileId}/video.mp4`;
}

/** A MediaInfo as in DescribeMediaInfos and SearchMedia; parts not requested or missing are null. */
export function mediaInfo(media: Media, clock: SimulatedClock, baseUrl: string, parts: readonly string[] | undefined) {
  const info: Record<string, unknown> = { FileId: media.fileId };
  for (const [part, field] of Object.entries(MEDIA_PARTS)) {
    const wanted = parts === undefined || parts.length === 0 || parts.includes(part);
    if (wanted && part === 'basicInfo') info[field] = basicInfo(media, clock, baseUrl);
    else if (wanted && part === 'metaData') info[field] = metaData(media);
    else info[field] = null;
  }
  return info;
}

function basicInfo(media: Media, clock: SimulatedClock, baseUrl: string) {
  return {
    Name: media.name,
    Description: media.description,
    CreateTime: clock.iso(media.createdMs),
    UpdateTime: clock.iso(media.updatedMs),
    ExpireTime: media.expireTime,
    ClassId: media.classId,
    ClassName: media.classId === 0 ? '其他' : `class ${media.classId}`,
    ClassPath: media.classId === 0 ? '其他' : `class ${media.classId}`,
    CoverUrl: media.coverUrl,
    Type: TYPE[media.category ?? 'Video'],
    MediaUrl: mediaUrl(baseUrl, media),
    SourceInfo: { SourceType: media.resultOf ? 'VideoProcessing' : 'Upload', SourceContext: '' },
    StorageRegion: 'ap-singapore',
    TagSet: media.tags,
    Vid: '',
    Category: media.category ?? 'Video',
    Status: basicStatus(media),
    StorageClass: media.storageClass ?? 'STANDARD',
  };
}

/** SDK typings: a file's description has `Normal` and `Forbidden`; only a search shows who blocked it. */
const basicStatus = ({ status = 'Normal' }: Media) => (status === 'Normal' ? 'Normal' : 'Forbidden');

const TYPE: Readonly<Record<NonNullable<Media['category']>, string>> = { Video: 'mp4', Audio: 'mp3', Image: 'jpg' };

/** Null for an image, which has no streams. */
function metaData(media: Media) {
  if (media.category === 'Image') return null;
  const video = hasVideoStream(media);
  return {
    Size: Math.round((media.duration * BIT_RATE) / 8),
    Container: 'mov,mp4,m4a,3gp,3g2,mj2',
    Bitrate: BIT_RATE,
    Height: video ? media.height : 0,
    Width: video ? media.width : 0,
    Duration: media.duration,
    Rotate: 0,
    VideoStreamSet: video
      ? [{ Bitrate: BIT_RATE, Height: media.height, Width: media.width, Codec: 'h264', Fps: 25 }]
      : [],
    AudioStreamSet: video ? [] : [{ Bitrate: BIT_RATE, SamplingRate: 44_100, Codec: 'aac' }],
    VideoDuration: video ? media.duration : 0,
    AudioDuration: video ? 0 : media.duration,
    Md5: '',
  };
}
