/** @file Real files as tensors and passages: pictures, sound, videos, documents, DICOM. */
export {
  type AudioChunk,
  type AudioClip,
  type DecodeAudioOptions,
  decodeAudio,
  maxClipSeconds,
  type StreamAudioOptions,
  streamAudio,
} from './audio/audio-clip.ts';
export { type LogMelOptions, logMel } from './audio/log-mel.ts';
export { type AudioProbe, probeAudio } from './audio/probe-audio.ts';
export type { Passage } from './documents/passages.ts';
export {
  type DocumentContent,
  type DocumentKind,
  maxDocumentBytes,
  type ReadDocumentOptions,
  readDocument,
} from './documents/read-document.ts';
export { type AnimationProbe, probeAnimation } from './image/animation.ts';
export { type PictureFormat, pictureFormat, pictureFormatNames } from './image/picture-format.ts';
export { maxPictureBytes, type PictureSource, readPictureSource } from './image/picture-source.ts';
export { previewOfPicture, previewSide } from './image/preview.ts';
export {
  maxPicturePixels,
  type PictureProbe,
  probePicture,
  type RenderOptions,
  type RGB,
  renderPicture,
} from './image/render-picture.ts';
export { thumbnailSize, thumbnails } from './image/thumbnails.ts';
export {
  type DicomSlice,
  type DicomWindow,
  isDicom,
  maxDicomBytes,
  type ReadDicomOptions,
  readDicom,
} from './medical/dicom.ts';
export { orderSlices, readDicomSeries } from './medical/dicom-series.ts';
export { hounsfieldWindow, hounsfieldWindows } from './medical/hounsfield-window.ts';
export { type WriteDicomOptions, writeDicom } from './medical/write-dicom.ts';
export { type MediaInfo, type MediaKind, probeMedia } from './probe.ts';
export { type AudioSegment, type SegmentAudioOptions, segmentAudio } from './segments/segment-audio.ts';
export { type SegmentVideoOptions, segmentVideo, type VideoSegment } from './segments/segment-video.ts';
export type { FrameRendering, FrameSelection, ReadFramesOptions, VideoFrame } from './video/frame-selection.ts';
export { readFrames } from './video/read-frames.ts';
export { probeVideo, type VideoProbe } from './video/read-video.ts';
