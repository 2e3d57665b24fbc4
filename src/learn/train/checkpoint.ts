/**
 * @file Checkpoints: parameters, optimizer state and random state in one safetensors file, replaced whole. A kill at any moment leaves
 * the one before.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { FormatError, Rng, type Tensor } from '../../engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../../engine/formats/index.ts';

/** Everything needed to go on as if nothing had happened. */
export interface Checkpoint {
  /** Steps taken. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The words of the sampling `Rng`. */
  readonly rngState: readonly number[];
  /** Names the settings of the run; a checkpoint of other settings must not be continued. */
  readonly settingsHash: string;
}

/** Writes a checkpoint. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { step, tensors, rngState, settingsHash } = checkpoint;
  const metadata = { step: String(step), rngState: rngState.join(','), settingsHash };
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, Buffer.from(writeSafetensors(tensors, metadata)));
}

/** Reads a checkpoint; undefined if there is none. @throws FormatError if the file is not one. */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  try {
    return checkpointOf(bytes);
  } catch (cause) {
    if (!(cause instanceof FormatError || cause instanceof RangeError)) throw cause;
    throw new FormatError(`${path}: not a whole training checkpoint (${cause.message}); delete it to start afresh`, {
      cause,
    });
  }
}

function checkpointOf(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes);
  const { step, rngState, settingsHash } = metadata;
  if (step === undefined || rngState === undefined || settingsHash === undefined) {
    throw new FormatError('it lacks a step, a random state or a settings hash');
  }
  if (!/^\d+$/.test(step)) throw new FormatError(`the step must be a whole number, got ${step}`);
  return { step: Number(step), tensors, rngState: Rng.fromState(rngState.split(',').map(Number)).state, settingsHash };
}
