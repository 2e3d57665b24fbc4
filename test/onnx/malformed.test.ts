/** @file Files that are cut off, damaged or made to harm: each ends in an error that names the place, soon, and in little memory. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { float32, int64, Rng } from '../../src/engine/core/index.ts';
import { importOnnx } from '../../src/engine/onnx/index.ts';
import { type ModelParts, type NodeParts, writeModel } from './write-model.ts';

const expectedErrors = ['FormatError', 'UnsupportedOpError', 'ShapeError', 'DtypeError'];

const relu = (input: string, output: string, name = ''): NodeParts => ({
  op: 'Relu',
  inputs: [input],
  outputs: [output],
  name,
});

/** A sound model with something of everything. */
const sound: ModelParts = {
  domains: { mine: 1 },
  functions: [
    {
      name: 'Twice',
      domain: 'mine',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [{ op: 'Add', inputs: ['a', 'a'], outputs: ['b'] }],
    },
  ],
  nodes: [
    {
      op: 'Conv',
      inputs: ['x', 'kernel'],
      outputs: ['c'],
      name: 'conv1',
      attributes: { pads: [1, 1, 1, 1], strides: [1, 1] },
    },
    { op: 'Constant', inputs: [], outputs: ['k'], attributes: { value: { tensor: int64([1, 2, -1]) } } },
    { op: 'Reshape', inputs: ['c', 'k'], outputs: ['r'] },
    {
      op: 'If',
      inputs: ['flag'],
      outputs: ['i'],
      attributes: {
        then_branch: { graph: { nodes: [relu('r', 't')], outputs: { t: { shape: [1, 2, 16] } } } },
        else_branch: {
          graph: { nodes: [{ op: 'Neg', inputs: ['r'], outputs: ['e'] }], outputs: { e: { shape: [1, 2, 16] } } },
        },
      },
    },
    { op: 'Twice', domain: 'mine', inputs: ['i'], outputs: ['d'] },
    { op: 'Softmax', inputs: ['d'], outputs: ['y'], attributes: { axis: -1 } },
  ],
  inputs: { x: { shape: [1, 1, 4, 4] }, flag: { dtype: 'bool', shape: [] } },
  outputs: { y: { shape: [1, 'two', 16] } },
  initializers: { kernel: float32(new Float32Array(18).fill(0.1), [2, 1, 3, 3]) },
};

/** The error of an import; undefined where it succeeds. */
function errorOf(bytes: Uint8Array): Error | undefined {
  try {
    importOnnx(bytes);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const refuses = (parts: ModelParts) => expect(() => importOnnx(writeModel(parts)));
const plain = (more: Partial<ModelParts>): ModelParts => ({
  nodes: [relu('x', 'y')],
  inputs: { x: { shape: [2] } },
  outputs: { y: {} },
  ...more,
});

describe('a file that does not hold together', () => {
  it('is refused with the node that uses a name before it is defined, or that nobody defines', () => {
    const conv: NodeParts = { op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], name: 'conv1' };
    refuses(plain({ nodes: [conv, relu('x', 'w')] })).toThrow(
      'node 0 "conv1" (Conv): input "w" is not defined before it',
    );
    refuses(plain({ nodes: [conv] })).toThrow('node 0 "conv1" (Conv): input "w" is defined nowhere');
    refuses(plain({ nodes: [relu('b', 'a'), relu('a', 'b'), relu('b', 'y')] })).toThrow(
      'node 0 (Relu): input "b" is not defined before it',
    );
  });

  it('is refused where a name is defined twice, or an output never', () => {
    refuses(plain({ nodes: [relu('x', 'y'), relu('x', 'y', 'second')] })).toThrow(
      'node 1 "second" (Relu): output "y" is defined already',
    );
    refuses(plain({ nodes: [relu('x', 'x'), relu('x', 'y')] })).toThrow('output "x" is defined already');
    refuses(plain({ outputs: { z: {} } })).toThrow('nothing defines the output "z"');
  });

  it('is refused in the graphs inside its nodes too', () => {
    const branch = { graph: { nodes: [relu('nowhere', 't')], outputs: { t: {} } } };
    const node: NodeParts = {
      op: 'If',
      inputs: ['flag'],
      outputs: ['y'],
      attributes: { then_branch: branch, else_branch: branch },
    };
    refuses(plain({ nodes: [node], inputs: { flag: { dtype: 'bool', shape: [] } } })).toThrow(
      'input "nowhere" is defined nowhere',
    );
  });

  it('is refused where an op is unknown, with node, domain and version', () => {
    refuses(
      plain({
        nodes: [{ op: 'Warp', domain: 'org.example', inputs: ['x'], outputs: ['y'], name: 'w' }],
        domains: { 'org.example': 3 },
      }),
    ).toThrow(
      expect.objectContaining({
        name: 'UnsupportedOpError',
        message: expect.stringMatching(/node 0 "w" \(org\.example\.Warp\).*Warp of org\.example \(operator set 3\)/),
      }),
    );
    refuses(plain({ nodes: [{ op: 'constructor', inputs: ['x'], outputs: ['y'] }] })).toThrow(
      /no operator constructor/,
    );
    refuses(plain({ nodes: [{ op: 'toString', domain: '__proto__', inputs: ['x'], outputs: ['y'] }] })).toThrow(
      /no operator toString/,
    );
  });

  it('is refused where shapes do not fit, or more outputs are named than there are', () => {
    refuses({
      ...sound,
      initializers: { kernel: float32([1, 2], [1, 1, 1, 2]) },
      inputs: { ...sound.inputs, x: { shape: [1, 3, 4, 4] } },
    }).toThrow(
      expect.objectContaining({ name: 'ShapeError', message: expect.stringContaining('node 0 "conv1" (Conv)') }),
    );
    refuses(plain({ nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y', 'z'] }] })).toThrow(
      'names 2 outputs where the op gives 1',
    );
    refuses(plain({ nodes: [{ op: 'Relu', inputs: [], outputs: ['y'] }] })).toThrow(
      expect.objectContaining({ name: 'FormatError' }),
    );
  });
});

/** A model whose only initializer is written by `write`. */
function withTensor(write: (tensor: BinaryWriter) => void): Uint8Array {
  const message = (w: BinaryWriter, field: number, body: (w: BinaryWriter) => void) => {
    w.tag(field, WireType.LengthDelimited).fork();
    body(w);
    w.join();
  };
  const w = new BinaryWriter();
  w.tag(1, WireType.Varint).int64(8);
  message(w, 7, (graph) =>
    message(graph, 5, (tensor) => {
      write(tensor);
      tensor.tag(8, WireType.LengthDelimited).string('w');
    }),
  );
  message(w, 8, (opset) => opset.tag(2, WireType.Varint).int64(17));
  return w.finish();
}

type Write = (w: BinaryWriter) => void;

const fields =
  (...writes: readonly Write[]): Write =>
  (w) => {
    for (const write of writes) write(w);
  };
const dims =
  (...values: readonly (number | string)[]): Write =>
  (w) => {
    for (const value of values) w.tag(1, WireType.Varint).int64(value);
  };
const elemType =
  (type: number): Write =>
  (w) =>
    w.tag(2, WireType.Varint).int32(type);
const bytesIn =
  (field: number, bytes: Uint8Array): Write =>
  (w) =>
    w.tag(field, WireType.LengthDelimited).bytes(bytes);
const float = elemType(1);
const raw = bytesIn(9, new Uint8Array(8));
const isOutside: Write = (w) => w.tag(14, WireType.Varint).int32(1);

describe('a tensor', () => {
  const cases: readonly (readonly [what: string, write: Write, error: RegExp])[] = [
    ['larger than its bytes', fields(dims(1000, 1000), float, raw), /"w".*needs 4000000 bytes, got 8/],
    ['of more elements than there are numbers', fields(dims(2 ** 40, 2 ** 40), float, raw), /"w".*got 8/],
    ['with a negative dimension', fields(dims(-4), float, raw), /"w".*dimensions must be counts, got \[-4\]/],
    ['with a dimension beyond every count', fields(dims('9223372036854775807'), float), /"w".*must be counts/],
    ['without its elements', fields(dims(3), float), /"w".*needs 3 elements, got 0/],
    ['of a type that is not there', fields(dims(1), elemType(99)), /"w".*no element type 99/],
    ['of a type that Sensorium has not', fields(dims(1), elemType(17)), /"w".*no tensors of float8e4m3fn/],
    ['of text in raw bytes', fields(dims(1), elemType(8), raw), /"w".*text cannot lie in raw data/],
    ['in segments', fields(float, bytesIn(3, new Uint8Array())), /segments/],
    ['in another file, where nobody gives it', fields(dims(1), float, isOutside), /"w".*nobody says where/],
    ['with text that is not UTF-8', bytesIn(8, Uint8Array.of(0xff)), /must be UTF-8/],
    ['with a field of the wrong kind', (w) => w.tag(9, WireType.Varint).int64(5), /wire type 0 and needs 2/],
    ['with a group, which protobuf has given up', (w) => w.tag(50, WireType.StartGroup), /wire type 3/],
  ];
  for (const [what, write, error] of cases) {
    it(`${what} is refused`, () => {
      const found = errorOf(withTensor(write));
      expect(found?.message).toMatch(error);
      expect(expectedErrors).toContain(found?.name);
    });
  }

  it('of no elements needs no bytes, whatever its other dimensions', () => {
    expect(errorOf(withTensor(fields(dims(0, 2 ** 40), float)))).toBeUndefined();
  });
});

describe('the bytes of a file', () => {
  it('that are none, or something else, are refused', () => {
    expect(errorOf(new Uint8Array())?.message).toMatch(/has no graph/);
    expect(errorOf(new TextEncoder().encode('<html><body>not found</body></html>'))?.name).toBe('FormatError');
    expect(errorOf(Uint8Array.of(0x08, ...new Array<number>(11).fill(0xff)))?.message).toMatch(/longer than ten bytes/);
    expect(errorOf(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f))?.message).toMatch(
      /claims 34359738367 bytes where 0 are left/,
    );
  });

  it('that put graphs a thousand deep into each other are refused before the stack ends', () => {
    const wrapped = (field: number, bytes: Uint8Array) => {
      const w = new BinaryWriter();
      return w.tag(field, WireType.LengthDelimited).bytes(bytes).finish();
    };
    let graph: Uint8Array = new Uint8Array();
    for (let i = 0; i < 1000; i++) graph = wrapped(1, wrapped(5, wrapped(6, graph)));
    expect(errorOf(wrapped(7, graph))?.message).toMatch(/deep in each other/);
    let type: Uint8Array = new Uint8Array();
    for (let i = 0; i < 1000; i++) type = wrapped(4, wrapped(1, type));
    expect(errorOf(wrapped(7, wrapped(11, wrapped(2, type))))?.message).toMatch(/deep in each other/);
  });

  const bytes = writeModel(sound);

  it('make a model when they are whole, and none or an error when they end anywhere before', () => {
    expect(errorOf(bytes)).toBeUndefined();
    for (let length = 0; length < bytes.length; length++) {
      const error = errorOf(bytes.subarray(0, length));
      if (error !== undefined) expect(expectedErrors, `${length}: ${error.stack}`).toContain(error.name);
    }
    // The operator sets come last: without them no node has a meaning.
    const lengths = Array.from({ length: bytes.length - 64 }, (_, length) => length);
    expect(lengths.filter((length) => errorOf(bytes.subarray(0, length)) === undefined)).toEqual([]);
  });

  it('may be changed anywhere: a model or an error, soon, and in memory of the size of the file', () => {
    const rng = new Rng('flips');
    const before = process.memoryUsage();
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const changed = bytes.slice();
      const numChanges = 1 + rng.integer(3);
      for (let k = 0; k < numChanges; k++) {
        const at = rng.integer(changed.length);
        changed[at] = rng.integer(2) === 0 ? changed[at]! ^ (1 << rng.integer(8)) : rng.integer(256);
      }
      const start = performance.now();
      const error = errorOf(changed);
      expect(performance.now() - start).toBeLessThan(2000);
      if (error !== undefined) expect(expectedErrors, error.stack).toContain(error.name);
      // What a file can say must not surface as a mistake of ours under another name.
      expect(error?.message ?? '').not.toMatch(
        /Cannot read prop|is not a function|is not iterable|Invalid array length|call stack/,
      );
      outcomes.set(error?.name ?? 'success', (outcomes.get(error?.name ?? 'success') ?? 0) + 1);
    }
    expect(outcomes.get('success')).toBeGreaterThan(100);
    expect(outcomes.get('FormatError')).toBeGreaterThan(100);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(50 * 2 ** 20);
  });
});
