import { describe, expect, it } from 'vitest';
import { type Facts, parseFacts, writeFacts } from '../../bundle/index.ts';
import { conceptFacts } from './concept-facts.ts';
import { describeData } from './install.ts';
import { defaultDataDirectory } from './packages.ts';

const small: Facts = {
  format: 'sensorium-facts',
  version: 1,
  sources: [{ package: 'words', version: '1.0.0', licence: 'MIT' }],
  concepts: [
    { id: '1f408', names: { en: 'cat', zh: '猫' }, words: ['pet'], gloss: 'feline mammal: "meow"', related: ['1f415'] },
    { id: '1f415', names: { en: 'dog' }, words: [], related: [] },
  ],
};

describe('writeFacts', () => {
  it('writes what parseFacts reads', () => {
    expect(parseFacts(writeFacts(small), 'facts.json')).toEqual(small);
    expect(parseFacts(writeFacts({ ...small, concepts: [] }), 'facts.json').concepts).toEqual([]);
  });
});

describe.skipIf(!describeData(defaultDataDirectory()).complete)('conceptFacts, where the data are installed', () => {
  it('knows names in many languages, the sense that is meant, and what is related', () => {
    const facts = conceptFacts();
    expect(parseFacts(writeFacts(facts), 'facts.json')).toEqual(facts);
    expect(facts.concepts.length).toBeGreaterThan(1800);
    const byId = new Map(facts.concepts.map((fact) => [fact.id, fact]));
    expect(byId.size).toBe(facts.concepts.length);
    const named = (name: string) => facts.concepts.find(({ names }) => names.en === name)!;
    expect(named('cat')).toMatchObject({
      names: { zh: '猫', de: 'Katze', fr: 'chat' },
      gloss: expect.stringContaining('feline'),
    });
    // WordNet's first "bank" is sloping land, the picture shows the building.
    expect(named('bank').gloss).toContain('building');
    expect(named('guitar').related.map((id) => byId.get(id)!.names.en)).toContain('violin');
    const wrong = facts.concepts.filter(({ id, related }) => related.some((other) => other === id || !byId.has(other)));
    expect(wrong).toEqual([]);
    // Neither of WordNet's senses that come first, a bee and a pilotless plane, is what is heard.
    expect(byId.get('sound:drone')!.gloss).toBeUndefined();
  });
});
