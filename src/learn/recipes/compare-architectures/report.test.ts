import { describe, expect, it } from 'vitest';
import type { CompareResult, RunResult } from './compare-architectures.ts';
import { comparisonReport } from './report.ts';
import { type ArchitectureName, comparisonSettings } from './settings.ts';
import { checkClaim } from './summary.ts';

function run(architecture: ArchitectureName, seed: number, r10: number, flops: number): RunResult {
  return {
    architecture,
    seed,
    parameters: { trained: 1_000_000, total: architecture === 'joint' ? 1_000_000 : 1_800_000 },
    training: { numSteps: 10, flopsPerSample: flops, finalLoss: 3 },
    costs: { mediaFlops: flops, textFlops: flops, captionFlops: flops, mediaMs: 1, textMs: 1, captionMs: 9 },
    retrieval: [{ set: 'sounds', direction: 'text (en) -> sound', candidates: 20, r1: r10 / 4, r5: r10 / 2, r10 }],
    captions: [],
    likelihood: [],
    byModalities: [],
  };
}

function result(runs: readonly RunResult[]): CompareResult {
  return { settings: comparisonSettings(), runs, counts: { vocabulary: 7 }, notes: ['no spoken names'] };
}

describe('the claim of +12 % retrieval at +30 % compute', () => {
  const claimed = [1, 2, 3].flatMap((seed) => [
    run('joint', seed, 0.56 + 0.004 * seed, 130),
    run('hierarchical', seed, 0.5 + 0.004 * seed, 100),
  ]);

  it('is confirmed where the interval holds 12 % and the compute is near', () => {
    const claim = checkClaim(result(claimed))!;
    expect(claim.retrievalGain.mean).toBeCloseTo(0.118, 3);
    expect(claim.trainingGain).toBeCloseTo(0.3, 12);
    expect(comparisonReport(result(claimed), 'command')).toContain('is confirmed here');
  });

  it('is not where the compute is another, or the gain', () => {
    const dearer = claimed.map((one) => (one.architecture === 'joint' ? { ...one, ...costing(200) } : one));
    expect(comparisonReport(result(dearer), 'command')).toContain('not confirmed');
    const equal = [1, 2, 3].flatMap((seed) => [run('joint', seed, 0.5, 130), run('hierarchical', seed, 0.5, 100)]);
    expect(comparisonReport(result(equal), 'command')).toContain('not confirmed');
  });

  it('is left open without both architectures', () => {
    expect(checkClaim(result([run('joint', 1, 0.5, 130)]))).toBeUndefined();
    expect(comparisonReport(result([run('joint', 1, 0.5, 130)]), 'command')).not.toContain('The claim');
  });

  function costing(flops: number): Partial<RunResult> {
    return { training: { numSteps: 10, flopsPerSample: flops, finalLoss: 3 } };
  }
});

describe('comparisonReport', () => {
  it('names the command, the seeds, the chance, what is absent, and says of one seed that it is one', () => {
    const one = comparisonReport(result([run('joint', 1, 0.5, 130), run('hierarchical', 1, 0.4, 100)]), 'npx it');
    for (const part of [
      '`npx it`',
      'Seed 1:',
      'chance 0.500',
      'absent',
      'Note: no spoken names.',
      'one seed, so no interval',
    ]) {
      expect(one).toContain(part);
    }
    expect(one).not.toContain('±');
  });
});
