/**
 * @file Where the time of a model goes: a table by op and by node, from ONNX Runtime's own profiler. What it cannot tell is
 * the time between nodes, and what a node was before ONNX Runtime fused it.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnyTensor, type Dim, isRanked, Rng, ShapeError, zeros } from '../core/index.ts';
import { type Feeds, loadExecutable, type Port, type RuntimeOptions } from './executable.ts';

/** The time of one op type, or of one node, in the middle of the runs. */
export interface ProfileRow {
  /** The op type, or the node's name. */
  readonly name: string;
  readonly opType: string;
  /** How often it was computed in one run. */
  readonly calls: number;
  /** Milliseconds in one run, the mean over runs. */
  readonly milliseconds: number;
  /** The part of the time of all nodes, in [0, 1]. */
  readonly share: number;
}

/** Where the time of a run goes. */
export interface Profile {
  readonly runs: number;
  /** Milliseconds of a run as a whole, the mean over runs. */
  readonly milliseconds: number;
  /** The most memory that tensors between nodes took at once, in bytes, as ONNX Runtime's allocator counted. */
  readonly peakBytes: number;
  /** By op type, the longest first. */
  readonly ops: readonly ProfileRow[];
  /** By node, the longest first. */
  readonly nodes: readonly ProfileRow[];
}

/** How a model is profiled. */
export interface ProfileOptions {
  /** Runs that count, after one that does not; 10 if absent. */
  readonly runs?: number;
  /** What the model is fed; drawn at random by `drawFeeds` if absent. */
  readonly feeds?: Feeds;
  /** What named dimensions are where feeds are drawn; 1 for those not given. */
  readonly dims?: Readonly<Record<string, number>>;
  readonly runtime?: RuntimeOptions;
}

/**
 * Runs an ONNX model, given as its bytes or the path of its file, under ONNX Runtime's profiler. For a training step give
 * `exportOnnx(step.graph)`.
 * @throws FormatError if ONNX Runtime cannot read it.
 * @throws RangeError unless `runs` is a whole number of at least 1.
 */
export async function profileModel(model: Uint8Array | string, options: ProfileOptions = {}): Promise<Profile> {
  const { runs = 10, dims = {}, runtime = {} } = options;
  if (!Number.isInteger(runs) || runs < 1) {
    throw new RangeError(`profileModel: runs must be a whole number of at least 1, got ${runs}`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'sensorium-profile-'));
  try {
    const executable = await loadExecutable(model, { ...runtime, profilePrefix: join(folder, 'profile') });
    try {
      const feeds = options.feeds ?? drawFeeds(executable.inputs, dims);
      for (let run = 0; run <= runs; run++) await executable.run(feeds);
      await executable.endProfiling();
    } finally {
      await executable.close();
    }
    const [file] = await readdir(folder);
    return summarizeProfile(await readFile(join(folder, file!), 'utf8'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Something to feed a model: floats uniform in [0, 1), whole numbers 0 (they are often indices), true, empty texts.
 * @throws ShapeError for a dimension that the model does not have.
 */
export function drawFeeds(inputs: readonly Port[], dims: Readonly<Record<string, number>> = {}): Feeds {
  const named = new Set(inputs.flatMap(({ shape }) => shape.filter((dim) => typeof dim === 'string')));
  const stranger = Object.keys(dims).find((name) => !named.has(name));
  if (stranger !== undefined) {
    const known = [...named].filter((name) => name !== '' && name !== '?');
    throw new ShapeError(`drawFeeds: no dimension is named "${stranger}"; there are ${known.join(', ') || 'none'}`);
  }
  const sizeOf = (dim: Dim) => (typeof dim === 'number' ? dim : (dims[dim] ?? 1));
  const rng = new Rng('profile');
  const entries = inputs.map(({ name, dtype, shape }): [string, AnyTensor] => {
    const tensor = zeros(isRanked(shape) ? shape.map(sizeOf) : [], dtype);
    if (dtype === 'float32') rng.fillUniform(tensor.data as Float32Array, 0, 1);
    if (dtype === 'float64')
      (tensor.data as Float64Array).forEach((_, i, data) => {
        data[i] = rng.uniform();
      });
    if (dtype === 'bool') (tensor.data as Uint8Array).fill(1);
    return [name, tensor];
  });
  return Object.fromEntries(entries);
}

/** An event of ONNX Runtime's profile: times are in microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly mem_in_use_peak?: string };
}

/** The table from the text of a profile that ONNX Runtime wrote. The first run, which allocates, does not count. */
export function summarizeProfile(text: string): Profile {
  const events = (JSON.parse(text) as (ProfileEvent | Record<string, never>)[]).filter((event) => 'cat' in event);
  const nodes = new Map<string, { opType: string; calls: number; microseconds: number }>();
  let peakBytes = 0;
  let ended = 0;
  let microseconds = 0;
  for (const { cat, name, dur, args } of events as ProfileEvent[]) {
    peakBytes = Math.max(peakBytes, Number(args?.mem_in_use_peak ?? 0));
    if (cat === 'Session' && name === 'model_run') {
      if (ended > 0) microseconds += dur;
      ended++;
    } else if (cat === 'Node' && ended > 0 && name.endsWith('_kernel_time')) {
      const node = name.slice(0, -'_kernel_time'.length);
      const known = nodes.get(node) ?? { opType: args?.op_name ?? '', calls: 0, microseconds: 0 };
      nodes.set(node, { ...known, calls: known.calls + 1, microseconds: known.microseconds + dur });
    }
  }
  const runs = ended - 1;
  const total = [...nodes.values()].reduce((sum, node) => sum + node.microseconds, 0);
  const row = (name: string, opType: string, calls: number, time: number): ProfileRow => ({
    name,
    opType,
    calls: calls / runs,
    milliseconds: time / 1000 / runs,
    share: total === 0 ? 0 : time / total,
  });
  const byOp = new Map<string, { calls: number; microseconds: number }>();
  for (const { opType, calls, microseconds } of nodes.values()) {
    const known = byOp.get(opType) ?? { calls: 0, microseconds: 0 };
    byOp.set(opType, { calls: known.calls + calls, microseconds: known.microseconds + microseconds });
  }
  const longestFirst = (rows: ProfileRow[]) => rows.sort((a, b) => b.milliseconds - a.milliseconds);
  return {
    runs,
    milliseconds: microseconds / 1000 / runs,
    peakBytes,
    ops: longestFirst([...byOp].map(([op, { calls, microseconds: time }]) => row(op, op, calls, time))),
    nodes: longestFirst([...nodes].map(([name, node]) => row(name, node.opType, node.calls, node.microseconds))),
  };
}
