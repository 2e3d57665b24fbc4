/** @file What is asked, kept in the address and brought back; what of an address makes no sense is passed over. */
import { describe, expect, it } from 'vitest';
import {
  anything,
  askedParameters,
  type Choice,
  choiceParameters,
  fromAddress,
  isAsking,
  nothingAsked,
  numChosen,
  toAddress,
  toParts,
} from './asked.ts';

const choice: Choice = {
  kind: 'video',
  type: 'video',
  folder: 'a-b_c',
  tags: ['sea & sun', '海'],
  from: '2024-05-01',
  to: '2024-05-31',
  length: '10-60',
};
const asked = { text: 'a dog at night', not: 'snow', like: { id: 'x', segment: 3, name: '' } };

describe('the address', () => {
  it('brings back what it was made from', () => {
    expect(fromAddress(toAddress(asked, choice))).toEqual({ asked, choice });
    expect(fromAddress('')).toEqual({ asked: nothingAsked, choice: anything });
  });

  it('keeps no filters while nothing is asked, and no file', () => {
    expect(toAddress({ text: ' ', not: 'snow' }, choice)).toBe('');
    expect(toAddress({ ...nothingAsked, file: { blob: new Blob(), name: 'x' } }, { tags: [], kind: 'audio' })).toBe(
      '?kind=audio',
    );
  });

  it('passes over what makes no sense', () => {
    const odd = '?q=a&kind=smell&type=text&folder=../etc&from=today&to=1&length=long&like=x&tag=';
    expect(fromAddress(odd)).toEqual({ asked: { text: 'a', not: '' }, choice: anything });
    expect(fromAddress(`?q=${'a'.repeat(5000)}`).asked.text).toHaveLength(1000);
  });
});

describe('requests', () => {
  it('weigh a text less beside a file, and what is not wanted against', () => {
    const file = { blob: new Blob(['x']), name: 'x.png' };
    expect(toParts({ text: ' at night ', not: 'snow', file })).toEqual([
      { file: 'file', weight: 1 },
      { text: 'at night', weight: 0.7 },
      { text: 'snow', weight: -0.5 },
    ]);
    expect(toParts({ text: 'dog', not: '' })).toEqual([{ text: 'dog', weight: 1 }]);
    expect(toParts({ text: '', not: 'snow' })).toEqual([]);
    expect(`${askedParameters(asked)}`).toBe('text=a+dog+at+night&not=snow&like=x.3');
  });

  it('take the last day whole', () => {
    const values = choiceParameters(choice);
    const day = 24 * 3600 * 1000;
    expect(Number(values.get('before')) - Number(values.get('from'))).toBe(31 * day);
    expect([values.get('min'), values.get('max'), values.getAll('tag')]).toEqual(['10', '60', ['sea & sun', '海']]);
    expect([...choiceParameters({ tags: [], length: '600-' })]).toEqual([['min', '600']]);
  });

  it('count filters, and know when something is asked', () => {
    expect([numChosen(choice), numChosen(anything), numChosen({ tags: [], to: '2024-01-01' })]).toEqual([6, 0, 1]);
    expect([isAsking(asked), isAsking({ text: ' ', not: 'a' })]).toEqual([true, false]);
  });
});
