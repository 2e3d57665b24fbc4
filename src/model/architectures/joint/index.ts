/** @file The joint architecture: one transformer for every modality, which retrieves, writes and classifies. */
export { initJoint, type Joint, type JointOptions, jointCaption, jointTextEmbedding } from './joint.ts';
export {
  type DecodedStep,
  type DecodeStep,
  decodeJointStep,
  type EncodedMedia,
  encodeJointMedia,
} from './joint-decoding.ts';
export { type CaptionBatch, type CaptionLossOptions, jointLoss } from './joint-loss.ts';
