/** @file To which shard a file belongs. */
import { createHash } from 'node:crypto';

/** The shard, from 0, of a name among `shards`: told by the name alone, so that whoever asks is told the same. */
export function shardOf(name: string, shards: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % shards;
}
