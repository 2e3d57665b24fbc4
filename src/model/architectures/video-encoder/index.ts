/** @file The video encoder: a temporal tower beside a picture tower, and the head that puts clips into the shared space. */
export { initVideoHead, type VideoHead, videoHead } from './video-head.ts';
export {
  type ClipInputs,
  initVideoTower,
  type VideoTower,
  type VideoTowerOptions,
  videoTower,
} from './video-tower.ts';
