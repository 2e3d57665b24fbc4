/**
 * @file `npm run bench -- log-mel`: spectrograms of 30 s of sound at 16 kHz, 80 bands over windows of 25 ms, against the feature extractor
 * of Whisper in transformers.js, which is JavaScript too. Options: `--json`, `--write`.
 */
import { WhisperFeatureExtractor } from '@huggingface/transformers';
import { Rng } from '../src/engine/index.ts';
import { logMel } from '../src/media/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { type Contender, interleave } from './harness/measure.ts';
import { report } from './harness/report.ts';

const rateHz = 16_000;
const seconds = 30;
const rng = new Rng('bench log-mel');
const samples = Float32Array.from({ length: rateHz * seconds }, (_, i) => Math.sin(i * i * 1e-6) + 0.1 * rng.normal());
const extractor = new WhisperFeatureExtractor({
  feature_size: 80,
  sampling_rate: rateHz,
  hop_length: 160,
  n_fft: 400,
  n_samples: samples.length,
  nb_max_frames: seconds * 100,
});

const timed = (name: string, run: () => unknown): Contender => ({
  name,
  async sample() {
    const begin = performance.now();
    await run();
    return [performance.now() - begin];
  },
});
const contenders = [
  timed('ours', () => logMel(samples, { numBands: 80, lowHz: 0, highHz: 8000 })),
  timed('transformers.js', () => extractor(samples)),
];
const figures = await interleave(contenders, { rounds: 15, warmUpRounds: 3 });
const [ours, peer] = contenders.map(({ name }) => figures.get(name)!.median);
const budgetMs = seconds * 1000;
await report({
  bench: 'log-mel',
  machine: machineLine([`transformers.js ${installedVersion('@huggingface/transformers')}`]),
  rows: [
    { name: 'spectrogram of 30 s', unit: 'ms', ours: ours!, peers: { 'transformers.js': peer! } },
    {
      name: 'times faster than the sound',
      unit: 'x',
      ours: budgetMs / ours!,
      peers: { 'transformers.js': budgetMs / peer! },
      better: 'higher',
    },
  ],
  notes: [
    'Medians of 15, in turns, in one thread. Both take a window every 10 ms; ours transforms 512 samples (400 and zeros), the peer 400.',
    'Mel scales differ (ours HTK, theirs Slaney), which costs both the same.',
  ],
});
