/** @file The video encoder: a temporal tower beside a picture tower, and the head that puts clips into the shared space. */

export { type ClipBatch, type ClipLearner, clipLoss, initClipLearner } from './clip-contrast.ts';
export { initVideoHead, type VideoHead, videoHead } from './video-head.ts';
export {
  type ClipInputs,
  initVideoTower,
  type VideoTower,
  type VideoTowerOptions,
  videoTower,
} from './video-tower.ts';
