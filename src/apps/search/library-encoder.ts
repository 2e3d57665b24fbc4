/** @file What a library asks of an encoder: texts and pictures at least; sounds and moving pictures where it takes them. */
import type { Encoder, TextImageEncoder } from '../../bundle/index.ts';

/** An encoder of texts and pictures, perhaps of sounds and moving pictures too. */
export type LibraryEncoder = TextImageEncoder &
  Partial<
    Pick<Encoder, 'languages' | 'codes' | 'calibration' | 'audioView' | 'videoView' | 'encodeAudio' | 'encodeVideos'>
  >;
