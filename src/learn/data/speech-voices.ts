/**
 * @file Synthetic voices that speak phrases for training: flite's (Debian package `flite`) and espeak-ng's (Debian package `espeak-ng`). Both are
 * programs that run beside us, at training time only; nothing of them is shipped, and all that they say is labelled synthetic.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';
import { decodeAudio } from '../../media/index.ts';

/** The languages that are spoken. */
export type SpeechLanguage = 'en' | 'zh';

/** A synthetic voice. */
export interface SpeechVoice {
  readonly id: string;
  readonly program: 'flite' | 'espeak-ng';
  /** Its name as the program knows it. */
  readonly voice: string;
  readonly language: SpeechLanguage;
  /** Held-out voices are heard in evaluation alone. */
  readonly heldOut: boolean;
}

/** The voices, by language. `awb` is the only Scot among flite's, so what is measured with it is a voice unlike those of training. */
export const speechVoices: readonly SpeechVoice[] = [
  { id: 'flite-slt', program: 'flite', voice: 'slt', language: 'en', heldOut: false },
  { id: 'flite-rms', program: 'flite', voice: 'rms', language: 'en', heldOut: false },
  { id: 'flite-kal16', program: 'flite', voice: 'kal16', language: 'en', heldOut: false },
  { id: 'espeak-en-us', program: 'espeak-ng', voice: 'en-us', language: 'en', heldOut: false },
  { id: 'espeak-en-gb-f3', program: 'espeak-ng', voice: 'en-gb+f3', language: 'en', heldOut: false },
  { id: 'flite-awb', program: 'flite', voice: 'awb', language: 'en', heldOut: true },
  { id: 'espeak-en-us-f5', program: 'espeak-ng', voice: 'en-us+f5', language: 'en', heldOut: true },
  { id: 'espeak-cmn', program: 'espeak-ng', voice: 'cmn', language: 'zh', heldOut: false },
  { id: 'espeak-cmn-f2', program: 'espeak-ng', voice: 'cmn+f2', language: 'zh', heldOut: false },
  { id: 'espeak-cmn-m3', program: 'espeak-ng', voice: 'cmn+m3', language: 'zh', heldOut: false },
  { id: 'espeak-cmn-f4', program: 'espeak-ng', voice: 'cmn+f4', language: 'zh', heldOut: true },
];

/** A phrase takes a program milliseconds; one that takes this long hangs. */
const limitMs = 20_000;

/**
 * What a voice makes of a phrase: samples at 16 kHz in [-1, 1].
 * @throws MissingDataError if the program is not installed or fails; MediaError if it gives no WAV.
 */
export async function speak(
  { program, voice }: SpeechVoice,
  phrase: string,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const path = join(tmpdir(), `sensorium-speech-${randomUUID()}.wav`);
  const output = { flite: ['-o', path, '-t', phrase], 'espeak-ng': ['-w', path, '--', phrase] };
  const voiceFlag = { flite: '-voice', 'espeak-ng': '-v' };
  try {
    await run(program, [voiceFlag[program], voice, ...output[program]], signal);
    const bytes = await readFile(path);
    return (await decodeAudio(bytes, { sampleRateHz: 16_000 })).samples;
  } finally {
    await rm(path, { force: true });
  }
}

function run(program: string, args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const options = { timeout: limitMs, ...(signal ? { signal } : {}) };
    execFile(program, args, options, (error) => {
      if (error === null) return done();
      if (signal?.aborted) return fail(signal.reason);
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = isMissing ? `is not installed; install Debian's package ${program}` : `failed: ${error.message}`;
      fail(new MissingDataError(`speak: the program ${program} ${why}`, { cause: error }));
    });
  });
}
