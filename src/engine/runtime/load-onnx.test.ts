import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, describe, expect, it } from 'vitest';
import { bytesOf, float32, type Tensor } from '../core/index.ts';
import { compile, loadOnnx } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'load-onnx-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const text = (writer: BinaryWriter, field: number, value: string) =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const message = (writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void) => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
};

/** A model that adds a `float32[3]` from another file to its input. */
function modelWithData(entries: Readonly<Record<string, string>>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(8);
  message(writer, 8, (opset) => opset.tag(2, WireType.Varint).int64(17));
  message(writer, 7, (graph) => {
    message(graph, 1, (node) => {
      text(node, 1, 'x');
      text(node, 1, 'w');
      text(node, 2, 'y');
      text(node, 4, 'Add');
    });
    message(graph, 5, (tensor) => {
      tensor.tag(1, WireType.Varint).int64(3);
      tensor.tag(2, WireType.Varint).int32(1);
      text(tensor, 8, 'w');
      for (const [key, value] of Object.entries(entries)) {
        message(tensor, 13, (entry) => {
          text(entry, 1, key);
          text(entry, 2, value);
        });
      }
      tensor.tag(14, WireType.Varint).int32(1);
    });
    for (const [field, name] of [
      [11, 'x'],
      [12, 'y'],
    ] as const) {
      message(graph, field, (value) => {
        text(value, 1, name);
        message(value, 2, (type) =>
          message(type, 1, (tensorType) => {
            tensorType.tag(1, WireType.Varint).int32(1);
            message(tensorType, 2, (shape) => message(shape, 1, (dim) => dim.tag(1, WireType.Varint).int64(3)));
          }),
        );
      });
    }
  });
  return writer.finish();
}

/** A new folder with the model, and beside it what `files` says. */
function folderWith(entries: Readonly<Record<string, string>>, files: Readonly<Record<string, Uint8Array>>): string {
  const folder = mkdtempSync(join(root, 'model-'));
  writeFileSync(join(folder, 'model.onnx'), modelWithData(entries));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return join(folder, 'model.onnx');
}

const weights = bytesOf(float32([9, 9, 1, 2, 3, 9]) as Tensor);

describe('a model that keeps tensors in another file', () => {
  it('is read from that file, at the place that it names', async () => {
    const path = folderWith({ location: 'weights.bin', offset: '8', length: '12' }, { 'weights.bin': weights });
    const model = loadOnnx(path);
    expect([...model.parameters.get('w')!.data]).toEqual([1, 2, 3]);
    const executable = await compile(model.toGraph(), { numThreads: 1 });
    const { y } = await executable.run({ x: float32([10, 20, 30]) });
    await executable.close();
    expect([...y!.data]).toEqual([11, 22, 33]);
  });

  it('takes the length from the tensor where the file does not say it', () => {
    const path = folderWith({ location: 'weights.bin', offset: '8' }, { 'weights.bin': weights });
    expect([...loadOnnx(path).parameters.get('w')!.data]).toEqual([1, 2, 3]);
  });

  it('is refused where the place is outside the file, or no place', () => {
    const load = (entries: Readonly<Record<string, string>>) =>
      loadOnnx(folderWith({ location: 'weights.bin', ...entries }, { 'weights.bin': weights }));
    expect(() => load({ offset: '16' })).toThrow(/"w".*bytes 16 to 28 of "weights.bin", which has 24/);
    expect(() => load({ offset: '-8' })).toThrow(/"w".*offset.*"-8"/);
    expect(() => load({ offset: '0', length: '8' })).toThrow(/"w".*needs 12 bytes, got 8/);
    expect(() => load({ offset: '99999999999999999999' })).toThrow(/"w".*offset/);
  });

  it('cannot name a file outside its folder', () => {
    const secret = join(root, 'secret.bin');
    writeFileSync(secret, weights);
    for (const location of [
      '../secret.bin',
      secret,
      'a/../../secret.bin',
      '..',
      '.',
      '',
      'a\\b',
      'C:secret.bin',
      'a\0b',
    ]) {
      const load = () => loadOnnx(folderWith({ location }, {}));
      expect(load, location).toThrow(expect.objectContaining({ name: 'FormatError' }));
      expect(load, location).toThrow(/own folder/);
    }
  });

  it('cannot follow a link that leads out of its folder, nor read what is no file', () => {
    const secret = join(root, 'linked.bin');
    writeFileSync(secret, weights);
    const path = folderWith({ location: 'weights.bin' }, {});
    symlinkSync(secret, join(path, '..', 'weights.bin'));
    expect(() => loadOnnx(path)).toThrow(/leads out of the model's folder/);
    const other = folderWith({ location: 'weights.bin' }, {});
    mkdirSync(join(other, '..', 'weights.bin'));
    expect(() => loadOnnx(other)).toThrow(/is not a file/);
    expect(() => loadOnnx(folderWith({ location: 'weights.bin' }, {}))).toThrow(/"weights.bin", which cannot be read/);
  });

  it('may be a link itself, as caches lay models out, if its data lie beside what it links to', () => {
    const blobs = mkdtempSync(join(root, 'blobs-'));
    const snapshot = mkdtempSync(join(root, 'snapshot-'));
    writeFileSync(join(blobs, 'a1'), modelWithData({ location: 'weights.bin', offset: '8' }));
    writeFileSync(join(blobs, 'b2'), weights);
    symlinkSync(join(blobs, 'a1'), join(snapshot, 'model.onnx'));
    symlinkSync(join(blobs, 'b2'), join(snapshot, 'weights.bin'));
    expect([...loadOnnx(join(snapshot, 'model.onnx')).parameters.get('w')!.data]).toEqual([1, 2, 3]);
  });
});
