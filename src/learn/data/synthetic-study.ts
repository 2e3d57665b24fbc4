/**
 * @file Synthetic studies: a slice through a chest-like phantom and a record, made so that neither tells the diagnosis alone. Six diagnoses are three looks times two
 * causes: the slice shows the look and says nothing of the cause; the record speaks of the cause, weakly of the rest. All distributions are ours, plausible
 * in kind and invented in number. No patient stands behind them and nothing follows from them for patients.
 */
import type { Rng, Tensor } from '../../engine/core/index.ts';
import { type Ellipse, type ScanGeometry, scan } from './computed-tomography.ts';

/** The diagnoses, in the order of their class indices. */
export const diagnoses = ['granuloma', 'tumour', 'pneumonia', 'infarct', 'pneumonitis', 'oedema'] as const;

/** One of the six. */
export type Diagnosis = (typeof diagnoses)[number];

/** What the slice can show: the same for the two diagnoses that share it. */
export type Look = 'nodule' | 'consolidation' | 'haze';

/** The look of each diagnosis. */
export const lookOf: Readonly<Record<Diagnosis, Look>> = {
  granuloma: 'nodule',
  tumour: 'nodule',
  pneumonia: 'consolidation',
  infarct: 'consolidation',
  pneumonitis: 'haze',
  oedema: 'haze',
};

/** A field of the record: normal on its own scale, with a mean and deviation that a diagnosis may shift. */
interface Field {
  readonly name: string;
  readonly usual: readonly [mean: number, deviation: number];
  readonly shifted: Partial<Record<Diagnosis, readonly [mean: number, deviation: number]>>;
}

const infection = ['granuloma', 'pneumonia', 'pneumonitis'] as const;
const inInfection = (shift: readonly [number, number]) => Object.fromEntries(infection.map((one) => [one, shift]));

/** The fields of a record. Laboratory values are on a logarithmic scale. */
export const recordFields: readonly Field[] = [
  { name: 'age in years', usual: [62, 13], shifted: inInfection([48, 15]) },
  { name: 'temperature in °C', usual: [37.1, 0.6], shifted: inInfection([37.9, 0.7]) },
  { name: 'ln C-reactive protein in mg/l', usual: [2.7, 0.9], shifted: inInfection([3.9, 0.9]) },
  { name: 'white cells in 10⁹/l', usual: [8.7, 2.4], shifted: inInfection([11.3, 2.8]) },
  { name: 'ln (1 + pack-years)', usual: [1.9, 1], shifted: { tumour: [2.7, 0.8] } },
  { name: 'ln D-dimer in mg/l', usual: [-0.4, 0.7], shifted: { infarct: [0.3, 0.7] } },
  { name: 'ln natriuretic peptide in ng/l', usual: [4.6, 0.8], shifted: { oedema: [5.5, 0.8] } },
];

/** What the history may say, with how often each diagnosis has it, relative to 1 for the rest. */
const histories: readonly {
  readonly en: readonly string[];
  readonly zh: readonly string[];
  readonly odds: Partial<Record<Diagnosis, number>>;
}[] = [
  {
    en: ['Smoked for many years.', 'A smoker, with weight loss of late.'],
    zh: ['吸烟多年。', '长期吸烟，近来体重下降。'],
    odds: { tumour: 3 },
  },
  {
    en: ['Returned from a long flight last week.', 'In bed after knee surgery.'],
    zh: ['上周长途飞行归来。', '膝部手术后卧床。'],
    odds: { infarct: 3 },
  },
  {
    en: ['Known heart failure.', 'Swollen legs and short of breath when lying down.'],
    zh: ['有心力衰竭病史。', '双腿水肿，平卧时气短。'],
    odds: { oedema: 3 },
  },
  {
    en: ['The family had a cough.', 'Shivering since two days.'],
    zh: ['家人也在咳嗽。', '两天来寒战。'],
    odds: { pneumonia: 3, pneumonitis: 3 },
  },
  { en: ['Nothing of note.', 'No complaints.'], zh: ['无特殊。', '无不适。'], odds: { granuloma: 2 } },
];

/** A record: what is known beside the slice. */
export interface PatientRecord {
  /** One number a field of `recordFields`. */
  readonly values: readonly number[];
  /** The history in a sentence, in English or Chinese. */
  readonly sentence: string;
  readonly language: 'en' | 'zh';
  /** Which of `histories` the sentence tells. */
  readonly history: number;
}

/** One synthetic study. */
export interface SyntheticStudy {
  /** Index in `diagnoses`. */
  readonly label: number;
  /** `[S, S]` in Hounsfield units. */
  readonly slice: Tensor<'float32'>;
  readonly record: PatientRecord;
}

/** The scanner of the experiment: 64 pixels of 5 mm. */
export function studyGeometry(photons = 20_000): ScanGeometry {
  return { size: 64, pixelMm: 5, numAngles: 90, numRays: 96, photons };
}

/** Draws a study: diagnosis uniform, slice and record independent of each other given the diagnosis. */
export function drawStudy(rng: Rng, geometry: ScanGeometry): SyntheticStudy {
  const label = rng.integer(diagnoses.length);
  const diagnosis = diagnoses[label]!;
  // The noise takes no draws from the rest, so that the same study can be scanned at several doses.
  const slice = scan(chestPhantom(rng, lookOf[diagnosis]), geometry, rng.fork('scan'));
  return { label, slice, record: drawRecord(rng, diagnosis) };
}

/** Draws a record of the diagnosis. */
export function drawRecord(rng: Rng, diagnosis: Diagnosis): PatientRecord {
  const values = recordFields.map((field) => {
    const [mean, deviation] = field.shifted[diagnosis] ?? field.usual;
    return mean + deviation * rng.normal();
  });
  const history = rng.categorical(histories.map(({ odds }) => odds[diagnosis] ?? 1));
  const language = rng.uniform() < 0.5 ? 'en' : 'zh';
  return { values, sentence: rng.pick(histories[history]![language]), language, history };
}

/**
 * The probabilities of the diagnoses given a record, by Bayes' rule on the true distributions; with a look, given that as well. No
 * reader of the same record can be right more often.
 */
export function recordPosterior({ values, history }: PatientRecord, look?: Look): number[] {
  const logs = diagnoses.map((diagnosis) => {
    if (look !== undefined && lookOf[diagnosis] !== look) return Number.NEGATIVE_INFINITY;
    const odds = histories.map((one) => one.odds[diagnosis] ?? 1);
    const ofHistory = Math.log(odds[history]! / odds.reduce((sum, value) => sum + value, 0));
    return recordFields.reduce((sum, field, i) => {
      const [mean, deviation] = field.shifted[diagnosis] ?? field.usual;
      return sum - ((values[i]! - mean) / deviation) ** 2 / 2 - Math.log(deviation);
    }, ofHistory);
  });
  const highest = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** How often the best reader can be right, by simulation: from the slice alone, the record alone, and both. */
export function accuracyCeilings(rng: Rng, numDraws = 20_000): { image: number; record: number; both: number } {
  let [record, both] = [0, 0];
  for (let i = 0; i < numDraws; i++) {
    const diagnosis = rng.pick(diagnoses);
    const drawn = drawRecord(rng, diagnosis);
    const best = (posterior: readonly number[]) => diagnoses[posterior.indexOf(Math.max(...posterior))];
    if (best(recordPosterior(drawn)) === diagnosis) record++;
    if (best(recordPosterior(drawn, lookOf[diagnosis])) === diagnosis) both++;
  }
  // The slice tells at most the look, which two equally frequent diagnoses share.
  return { image: 1 / 2, record: record / numDraws, both: both / numDraws };
}

/**
 * A chest-like phantom with a lesion of the given look in one lung: body, fat, lungs with vessels, mediastinum, spine and ribs. Rounded values of soft tissue 50 HU,
 * fat -100, lung -800, bone 500 to 700.
 */
function chestPhantom(rng: Rng, look: Look): Ellipse[] {
  const scale = 1 + 0.06 * rng.normal() * 0.7;
  const turn = 0.05 * rng.normal();
  const parts: Ellipse[] = [];
  const put = (x: number, y: number, a: number, b: number, contrast: number, angle = 0) => {
    const [cos, sin] = [Math.cos(turn) * scale, Math.sin(turn) * scale];
    parts.push({
      x: x * cos - y * sin,
      y: x * sin + y * cos,
      a: a * scale,
      b: b * scale,
      angle: angle + turn,
      contrast,
    });
  };
  put(0, 0, 142, 104, 900);
  put(0, 0, 132, 94, 150);
  for (const side of [-1, 1]) put(side * 62, -4, 48, 68, -850, side * -0.1);
  put(4, 14, 11, 11, 60);
  put(0, 66, 17, 15, 550);
  put(0, 66, 6, 6, -300);
  for (let i = 0; i < 12; i++) {
    const around = (i / 12) * 2 * Math.PI + 0.26;
    put(122 * Math.cos(around), 84 * Math.sin(around), 9, 3.5, 500, around + Math.PI / 2);
  }
  for (let i = 0; i < 10; i++) {
    const { x, y } = placeInLung(rng, 0.8);
    const radius = 1.5 + 2 * rng.uniform();
    put(x, y, radius, radius, 500);
  }
  lesions[look](rng, put);
  return parts;
}

type Put = (x: number, y: number, a: number, b: number, contrast: number, angle?: number) => void;

const lesions: Readonly<Record<Look, (rng: Rng, put: Put) => void>> = {
  nodule(rng, put) {
    const { x, y } = placeInLung(rng, 0.7);
    const radius = 6 + 6 * rng.uniform();
    put(x, y, radius, radius * (0.8 + 0.4 * rng.uniform()), 700 + 120 * rng.uniform(), rng.uniform() * Math.PI);
  },
  consolidation(rng, put) {
    const { x, y } = placeInLung(rng, 0.45);
    put(x, y, 14 + 6 * rng.uniform(), 24 + 12 * rng.uniform(), 560 + 160 * rng.uniform(), rng.normal() * 0.4);
  },
  haze(rng, put) {
    const patches = 2 + rng.integer(3);
    for (let i = 0; i < patches; i++) {
      const { x, y } = placeInLung(rng, 0.4);
      put(x, y, 18 + 10 * rng.uniform(), 22 + 14 * rng.uniform(), 90 + 90 * rng.uniform(), rng.uniform() * Math.PI);
    }
  },
};

/** A place in one of the lungs, within a share `reach` of its half-axes. */
function placeInLung(rng: Rng, reach: number): { x: number; y: number } {
  const side = rng.uniform() < 0.5 ? -1 : 1;
  const radius = reach * Math.sqrt(rng.uniform());
  const around = 2 * Math.PI * rng.uniform();
  return { x: side * 62 + 48 * radius * Math.cos(around), y: -4 + 68 * radius * Math.sin(around) };
}
