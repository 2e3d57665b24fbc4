/**
 * @file The task "study": a slice and a record, made so that neither tells the diagnosis alone. The data is synthetic (see data/synthetic-study.ts) and so is
 * every conclusion: no clinical claim.
 */
import { Rng } from '../../../engine/core/index.ts';
import { accuracyCeilings, diagnoses, recordFields } from '../../data/synthetic-study.ts';
import { centreSlices, drawStudies, fieldDim, meanSlice, sentenceDim, sliceSize } from './studies.ts';
import type { FusionModelSettings, FusionTask, FusionTraining, TaskTables } from './task.ts';

/** Everything that decides the experiment. */
export interface StudySettings {
  readonly numTraining: number;
  readonly numValidation: number;
  readonly numTest: number;
  /** Photons a ray along the curve; the other conditions are measured with the first. Training draws the logarithm evenly between 100 and 20,000. */
  readonly doses: readonly number[];
  readonly model: FusionModelSettings;
  readonly training: FusionTraining;
}

/** The settings of the committed figures. */
export function studySettings(changes: Partial<StudySettings> = {}): StudySettings {
  return {
    numTraining: 3000,
    numValidation: 500,
    numTest: 1000,
    doses: [20_000, 2_000, 500, 200, 100, 50],
    model: { channels: [12, 24, 40, 64], width: 64, numLayers: 2, numHeads: 4 },
    training: {
      batchSize: 48,
      numSteps: 700,
      peakLearningRate: 3e-3,
      weightDecay: 0.05,
      dropSide: 0.15,
      dropToken: 0.1,
    },
    ...changes,
  };
}

const [leastPhotons, mostPhotons] = [100, 20_000];

/** The experiment. */
export function studyTask(settings: StudySettings = studySettings()): FusionTask {
  const { numTraining, numValidation, numTest, doses, model, training } = settings;
  const ceilings = accuracyCeilings(new Rng('ceilings'));
  return {
    name: 'study',
    classes: diagnoses,
    sides: [
      { name: 'slice', modalities: { slice: { kind: 'map', shape: [2, sliceSize, sliceSize] } } },
      {
        name: 'record',
        modalities: {
          fields: { kind: 'tokens', numTokens: recordFields.length, dim: fieldDim },
          sentence: { kind: 'tokens', numTokens: 1, dim: sentenceDim },
        },
      },
    ],
    model,
    training,
    partial: { modalities: ['fields', 'sentence'], of: 'fields', shares: [0.25, 0.5, 0.75] },
    curve: { title: 'Accuracy as the dose falls (six synthetic diagnoses)', xLabel: 'photons a ray', logX: true },
    ceilings: [ceilings.image, ceilings.record, ceilings.both],
    about: [
      `Synthetic studies: a phantom scanned by simulated physics, written and read as DICOM, and a record drawn from invented distributions. **No patient stands
behind them, and nothing here is a clinical claim.** Six diagnoses are three looks times two causes: the slice tells the look, the record speaks of the cause.`,
      `Training slices have ${leastPhotons} to ${mostPhotons.toLocaleString('en')} photons a ray, their logarithm drawn evenly; those of the table have
${doses[0]!.toLocaleString('en')}. ${numTraining.toLocaleString('en')} studies to learn from, ${numValidation} for the temperature, ${numTest.toLocaleString('en')} held out, drawn anew
for each seed. Of the fields, the sentence of the history counts as one.`,
    ],
    key: { numTraining, numValidation, numTest, doses },
    load: (seed) => loadStudies(new Rng(`studies ${seed}`), settings),
  };
}

async function loadStudies(rng: Rng, settings: StudySettings): Promise<TaskTables> {
  const mixed = (draw: Rng) => leastPhotons * (mostPhotons / leastPhotons) ** draw.uniform();
  const training = await drawStudies(rng.fork('training'), settings.numTraining, mixed);
  const validation = await drawStudies(rng.fork('validation'), settings.numValidation, mixed);
  const tests: { x: number; given: string; table: Awaited<ReturnType<typeof drawStudies>> }[] = [];
  for (const photons of settings.doses) {
    // The same studies at every dose: the fork is drawn anew.
    const table = await drawStudies(rng.fork('test'), settings.numTest, () => photons);
    tests.push({ x: photons, given: `${photons.toLocaleString('en')} photons`, table });
  }
  const mean = meanSlice(training);
  for (const table of [training, validation, ...tests.map((test) => test.table)]) centreSlices(table, mean);
  return { training, validation, tests };
}
