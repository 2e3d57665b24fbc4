/**
 * @file Projections whose signs are codes, made without gradients: a random rotation (sign random projections, Charikar 2002), the principal axes, and
 * iterative quantization (ITQ; Gong and Lazebnik 2011, Algorithm 1). N: vectors; D: their dimension; K: bits.
 */
import { type Rng, ShapeError, Tensor } from '../../engine/core/index.ts';
import {
  add,
  div,
  fusedMatMul,
  matMul,
  mul,
  reduceSum,
  sign,
  spec,
  sqrt,
  square,
  trace,
  type Value,
} from '../../engine/graph/index.ts';
import { compile, type RuntimeOptions } from '../../engine/runtime/index.ts';
import { orthonormalize, principalAxes } from './principal-axes.ts';
import type { Products } from './products.ts';

/** K random directions at right angles, `[K, D]`. @throws ShapeError if K > D. */
export function randomRotation(rng: Rng, numBits: number, dim: number): Float32Array {
  const drawn = Float64Array.from({ length: numBits * dim }, () => rng.normal());
  return Float32Array.from(orthonormalize(drawn, dim));
}

/** The K principal axes of centred vectors `[N, D]`, `[K, D]`, the largest variance first. @throws ShapeError if K > D. */
export async function principalProjection(
  centred: Tensor<'float32'>,
  numBits: number,
  products: Products,
): Promise<Float32Array> {
  const dim = centred.shape[1]!;
  if (numBits > dim) throw new ShapeError(`principalProjection: ${dim} dimensions have no ${numBits} axes`);
  const { axes } = principalAxes(await products.moments(centred, centred));
  return Float32Array.from(axes.subarray(0, numBits * dim));
}

/** Newton and Schulz's steps towards the orthogonal factor; each brings a singular value x to 1.5 x - 0.5 x³. */
const numPolarSteps = 24;

/** The orthogonal factor of a square matrix: that of its polar decomposition, so U Vᵀ of its singular value decomposition. */
function orthogonalFactor(matrix: Value): Value {
  // Scaled by its Frobenius norm, which is at least the largest singular value, it lies where the steps converge.
  let factor = div(matrix, sqrt(reduceSum(square(matrix))));
  for (let step = 0; step < numPolarSteps; step++) {
    const gram = fusedMatMul(factor, factor, { transA: true });
    factor = add(mul(factor, 1.5), mul(matMul(factor, gram), -0.5));
  }
  return factor;
}

/** What `iterativeQuantization` needs. */
export interface QuantizationOptions {
  /** Principal axes `[K, D]`. */
  readonly axes: Float32Array;
  readonly numIterations: number;
  readonly rng: Rng;
  readonly runtime?: RuntimeOptions;
}

/**
 * The principal axes rotated so that signs lose least: `[K, D]`. Rotation and signs are fit in turns, each the best for the other, so the quantization error
 * ‖sign(V R) - V R‖² falls with every iteration.
 * @param centred vectors `[N, D]`.
 */
export async function iterativeQuantization(
  centred: Tensor<'float32'>,
  products: Products,
  { axes, numIterations, rng, runtime = {} }: QuantizationOptions,
): Promise<Float32Array> {
  const dim = centred.shape[1]!;
  const numBits = axes.length / dim;
  const projected = new Tensor(
    'float32',
    [centred.shape[0]!, numBits],
    await products.dots(centred, new Tensor('float32', [numBits, dim], axes)),
  );
  const iteration = await compile(
    trace(({ v, r }) => orthogonalFactor(fusedMatMul(v, sign(matMul(v, r)), { transA: true })), {
      v: spec(['N', numBits]),
      r: spec([numBits, numBits]),
    }),
    runtime,
  );
  try {
    let rotation = randomRotation(rng, numBits, numBits);
    for (let i = 0; i < numIterations; i++) {
      const r = new Tensor('float32', [numBits, numBits], rotation);
      rotation = (await iteration.run({ v: projected, r })).output!.data as Float32Array;
    }
    // sign(Rᵀ W x): rows of the projection are Rᵀ W.
    return await products.moments(
      new Tensor('float32', [numBits, numBits], rotation),
      new Tensor('float32', [numBits, dim], axes),
    );
  } finally {
    await iteration.close();
  }
}
