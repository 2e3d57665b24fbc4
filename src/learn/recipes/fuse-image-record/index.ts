/** @file Fusion of a slice and a record: the experiment and its page. */
export {
  type FuseOptions,
  type FuseReport,
  type FuseRow,
  type FuseSeed,
  type FuseSettings,
  fuseImageRecord,
  fuseSettings,
} from './fuse-image-record.ts';
export { type FusePages, fusePages } from './report.ts';
