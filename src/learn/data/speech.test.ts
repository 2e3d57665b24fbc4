import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MediaError, MissingDataError } from '../../engine/core/index.ts';
import { defaultDataDirectory } from './packages.ts';
import { readSpeechPhrases, type SpeechPhrase, speechClips } from './speech.ts';
import { speak, speechVoices } from './speech-voices.ts';

const phrase = (text: string, split: SpeechPhrase['split'], language: SpeechPhrase['language'] = 'en') => ({
  language,
  text,
  concept: text,
  split,
});

describe('speechClips', () => {
  const phrases = [
    phrase('one', 'train'),
    phrase('two', 'train'),
    phrase('three', 'test'),
    phrase('一', 'train', 'zh'),
    phrase('二', 'validation', 'zh'),
  ];
  const clips = speechClips(phrases, { numKnown: 1 });
  const voicesOf = (text: string, heldOut: boolean) =>
    clips.filter((clip) => clip.text === text && clip.voice.heldOut === heldOut).length;

  it('lets every voice of the language say held-out phrases, and held-out voices only some of the others', () => {
    const count = (language: string, heldOut: boolean) =>
      speechVoices.filter((voice) => voice.language === language && voice.heldOut === heldOut).length;
    expect([voicesOf('three', false), voicesOf('three', true)]).toEqual([count('en', false), count('en', true)]);
    expect([voicesOf('one', true), voicesOf('two', true)]).toEqual([count('en', true), 0]);
    expect(voicesOf('two', false)).toBe(count('en', false));
    expect([voicesOf('一', true), voicesOf('二', true)]).toEqual([count('zh', true), count('zh', true)]);
  });

  it('names each clip once', () => {
    expect(new Set(clips.map(({ id }) => id)).size).toBe(clips.length);
  });
});

describe('speechVoices', () => {
  it('keeps a voice of each language, and of each program that speaks English, for evaluation', () => {
    const heldOut = speechVoices.filter((voice) => voice.heldOut);
    expect(new Set(heldOut.map(({ language }) => language))).toEqual(new Set(['en', 'zh']));
    const english = heldOut.filter(({ language }) => language === 'en').map(({ program }) => program);
    expect(new Set(english)).toEqual(new Set(['flite', 'espeak-ng']));
  });
});

describe.runIf(process.platform !== 'win32')('speak', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sensorium-voices-'));
  afterEach(() => vi.unstubAllEnvs());
  const voice = speechVoices[0]!;

  /** Puts a program of ours where flite would be. */
  function program(script: string): void {
    writeFileSync(join(folder, 'flite'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'flite'), 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
  }

  it('says which program is missing', async () => {
    vi.stubEnv('PATH', '/nowhere');
    await expect(speak(voice, 'hello')).rejects.toThrow(MissingDataError);
    await expect(speak(voice, 'hello')).rejects.toThrow("install Debian's package flite");
  });

  it('refuses a program that fails, and one that gives no sound', async () => {
    program('exit 3');
    await expect(speak(voice, 'hello')).rejects.toThrow(MissingDataError);
    program('for last; do :; done; echo nonsense > "$4"');
    await expect(speak(voice, 'hello')).rejects.toThrow(MediaError);
    rmSync(folder, { recursive: true, force: true });
  });
});

const isInstalled = existsSync(join(defaultDataDirectory(), 'node_modules/cldr-annotations-full'));
describe.runIf(isInstalled)('readSpeechPhrases', () => {
  it('lists no text twice, and no name of a held-out concept among what trains', () => {
    const phrases = readSpeechPhrases({ numEnglish: 100_000, numMandarin: 100_000, numHeldOut: 100_000 });
    const keys = phrases.map(({ language, text }) => `${language} ${text.toLowerCase()}`);
    expect(new Set(keys).size).toBe(keys.length);
    const splits = new Map<string, Set<string>>();
    for (const { concept, split } of phrases) splits.set(concept, (splits.get(concept) ?? new Set()).add(split));
    for (const [concept, own] of splits) expect(own.size, concept).toBe(1);
    expect(phrases.length).toBeGreaterThan(3000);
  });
});
