/** @file Every gradient rule against central differences, and every op without a rule against its reason. */
import { describe, expect, it } from 'vitest';
import { gradientRules, gradients } from '../../src/engine/autodiff/index.ts';
import { UnsupportedOpError } from '../../src/engine/core/index.ts';
import { cast, floor, mul, reduceSum, sign, Value } from '../../src/engine/graph/index.ts';
import { casesByOp, preparedByOp } from './cases.ts';
import { disagreements } from './checker.ts';

const entries = Object.entries(gradientRules);
const withRule = entries.filter(([, rule]) => typeof rule === 'function').map(([opType]) => opType);
const withoutRule = entries.flatMap(([opType, rule]) =>
  typeof rule === 'function' ? [] : [[opType, rule.notDifferentiable] as const],
);

describe('the table of gradient cases', () => {
  it('has cases for every op with a rule and for no other', () => {
    expect(Object.keys(casesByOp).sort()).toEqual([...withRule].sort());
    expect(withRule.length).toBeGreaterThan(45);
  });

  it('has two cases or more, of different names, for every op', () => {
    const names = [...preparedByOp.values()].flat().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const [opType, cases] of preparedByOp) expect(cases.length, opType).toBeGreaterThanOrEqual(2);
  });
});

for (const [opType, cases] of preparedByOp) {
  describe(`the gradient of ${opType}`, () => {
    it.each(cases)('agrees with central differences: $name', async ({ prepared }) => {
      expect((await prepared.analytic(gradientRules)).used, 'the rule is used').toContain(opType);
      expect(await disagreements(prepared)).toEqual([]);
    });
  });
}

describe('an op without a gradient', () => {
  it.each(withoutRule)('%s gives its reason: %s', (_, reason) => {
    expect(reason.length).toBeGreaterThan(10);
  });

  it.each([
    ['Floor', floor],
    ['Sign', sign],
  ] as const)('%s on the path to the loss is refused by name, reason and way out', (opType, apply) => {
    const x = new Value({ dtype: 'float32', shape: [3] }, { kind: 'input', name: 'x' });
    const differentiate = () => gradients(reduceSum(mul(apply(x), x)), [x]);
    expect(differentiate).toThrow(UnsupportedOpError);
    expect(differentiate).toThrow(new RegExp(`${opType} has no gradient: .*; wrap its input in stopGradient`));
  });

  it('does not stand in the way where derivatives end anyway: casts to whole numbers pass none', () => {
    const x = new Value({ dtype: 'float32', shape: [3] }, { kind: 'input', name: 'x' });
    const whole = cast(cast(x, 'int64'), 'float32');
    expect(() => gradients(reduceSum(mul(floor(whole), x)), [x])).not.toThrow();
  });
});
