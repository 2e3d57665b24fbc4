/**
 * @file The ONNX project's own backend tests, as Debian's package libonnx-testdata installs them: a model, inputs and the outputs
 * they must give. Found, read and sorted into families here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the package puts its tests. */
export const dataFolder = '/usr/share/libonnx-testdata/data';

const groups = ['node', 'simple', 'pytorch-converted', 'pytorch-operator', 'real'] as const;

/** One test: its name, and the folder of its files. */
export interface Test {
  readonly name: string;
  readonly group: (typeof groups)[number];
  readonly folder: string;
}

/** Whether the tests are installed. */
export const isInstalled = (): boolean => existsSync(join(dataFolder, 'node'));

/** Every test there is, in a fixed order. */
export function findTests(): Test[] {
  return groups.flatMap((group) =>
    readdirSync(join(dataFolder, group))
      .sort()
      .map((name) => ({ name, group, folder: join(dataFolder, group, name) })),
  );
}

/** The bytes of a test's model; undefined where the package leaves it to a download. */
export function modelBytes(test: Test): Uint8Array | undefined {
  const path = join(test.folder, 'model.onnx');
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** What goes in and what must come out, in the order of the model's inputs and outputs: the bytes of each file. */
export interface DataSet {
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** Every data set of a test. */
export function dataSets(test: Test): DataSet[] {
  return readdirSync(test.folder)
    .filter((name) => name.startsWith('test_data_set_'))
    .sort()
    .map((name) => ({
      inputs: readFiles(join(test.folder, name), 'input'),
      outputs: readFiles(join(test.folder, name), 'output'),
    }));
}

function readFiles(folder: string, prefix: string): Uint8Array[] {
  const count = readdirSync(folder).filter((name) => name.startsWith(`${prefix}_`)).length;
  return Array.from({ length: count }, (_, i) => readFileSync(join(folder, `${prefix}_${i}.pb`)));
}

/** Families of ops by the names of their tests; the first that fits. */
const families: readonly (readonly [family: string, names: RegExp])[] = [
  ['losses', /^(sce|nllloss|softmax_cross_entropy|negative_log)/],
  ['training (preview)', /^(adam|adagrad|momentum|nesterov|gradient_of)/],
  [
    'sequences and optional values',
    /^(sequence|optional|split_to_sequence|identity_(opt|sequence)|loop\d+_seq|if_(opt|seq))/,
  ],
  ['control flow', /^(if|loop|loop11|scan|scan9|range|loop13)(_|$)/],
  ['convolutions and pools', /(conv|pool|unpool|col2im)/],
  ['normalizations', /^(batchnorm|instancenorm|layer_normalization|lrn|mvn|lp_?norm|group_normalization)/],
  [
    'resizing and vision',
    /^(resize|upsample|grid_?sample|roialign|nonmaxsuppression|depthtospace|spacetodepth|affine_grid|center_crop_pad)/,
  ],
  ['quantization', /^(quantizelinear|dequantizelinear|dynamicquantizelinear|qlinear|.*integer)/],
  ['recurrent', /^(gru|lstm|rnn|simple_rnn)/],
  ['signal and random', /^(dft|stft|melweight|.*window|bernoulli|random|dropout|training_dropout)/],
  ['text and tables', /^(strnormalizer|string|tfidf|label|regex)/],
  ['products', /^(matmul|gemm|einsum|det|linear|addmm|mm)/],
  [
    'reductions and orders',
    /^(reduce|arg(max|min)|top_?k|cumsum|softmax|logsoftmax|hardmax|nonzero|unique|mean|sum|max|min|lpnorm)/,
  ],
  [
    'layout and indexing',
    /^(reshape|transpose|concat|split|slice|squeeze|unsqueeze|expand|tile|pad|flatten|identity|gather|scatter|one_?hot|shape|size|eyelike|trilu|tril|triu|compress|reversesequence|constant|where|edge_pad|reflect_pad|constant_pad|upsample)/,
  ],
  ['casts', /^cast/],
];

/** The family that a test is counted in. */
export function familyOf(test: Test): string {
  if (test.group === 'real') return 'whole models';
  if (test.group === 'simple' && !/sequence|gradient/.test(test.name)) return 'small models';
  if (test.group.startsWith('pytorch')) return 'layers and models of PyTorch';
  const name = test.name.replace(/^test_/, '').replace(/^(basic|simple)_(?!rnn)/, '');
  return families.find(([, names]) => names.test(name))?.[0] ?? 'element-wise';
}
