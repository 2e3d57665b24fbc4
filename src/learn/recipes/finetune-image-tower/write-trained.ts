/** @file A space whose picture tower was trained, as a bundle: the tower and both heads as float16, and where all of it comes from. */
import { type TextImageManifest, writeBundle } from '../../../bundle/index.ts';
import type { Tensor } from '../../../engine/core/index.ts';
import type { Graph } from '../../../engine/graph/index.ts';
import type { FeatureStatistics, Head } from '../../../model/index.ts';
import { dataPackages } from '../../data/index.ts';
import { currentCommit } from '../current-commit.ts';
import { exportHalfHead, exportTower } from './export.ts';
import type { Start } from './start.ts';

/** What is written, and what its provenance says. */
export interface TrainedSpace {
  readonly recipe: string;
  /** The bundle that gave the text head and the rest of the manifest. */
  readonly start: Start;
  /** The tower, of pictures `uint8[batch, S, S, 3]`; its outputs are what the head takes, in order. */
  readonly tower: Graph;
  readonly towerName: TextImageManifest['picture']['tower'];
  /** Where the tower's weights come from, kept in its file. */
  readonly towerOrigin: Readonly<Record<string, string>>;
  /** S */
  readonly size: number;
  readonly padding: number;
  readonly picture: { readonly head: Head<Tensor>; readonly statistics: FeatureStatistics };
  readonly text: { readonly head: Head<Tensor>; readonly statistics: FeatureStatistics };
  readonly logLogitScale: Tensor;
  readonly seed: number;
  readonly steps: number;
  readonly seconds: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Writes the bundle. */
export async function writeTrained(directory: string, made: TrainedSpace): Promise<TextImageManifest> {
  const { recipe, start, tower, towerName, size, padding, picture, text, seed, steps, seconds, metrics } = made;
  const { manifest } = start.bundle;
  const ports = tower.outputs.map((output) => ({ name: output.name, dim: Number(output.value.shape[1]) }));
  const textDim = text.statistics.mean.shape[0]!;
  const files = new Map([
    ['picture-tower.onnx', exportTower(tower, { ...made.towerOrigin, trained: recipe })],
    ['picture-head.onnx', exportHalfHead(picture.head, picture.statistics, ports)],
    ['text-head.onnx', exportHalfHead(text.head, text.statistics, [{ name: 'features', dim: textDim }])],
  ]);
  const { licence } = made.towerOrigin;
  const isNamed = licence === undefined || manifest.licence.split(' AND ').includes(licence);
  const description: Omit<TextImageManifest, 'files'> = {
    ...manifest,
    licence: isNamed ? manifest.licence : `${manifest.licence} AND ${licence}`,
    picture: {
      tower: towerName,
      size,
      padding,
      outputs: ports.map(({ name }) => name),
      head: 'picture-head.onnx',
      weights: 'picture-tower.onnx',
    },
    text: { ...manifest.text, head: 'text-head.onnx' },
    logitScale: Math.exp(Number(made.logLogitScale.data[0])),
    provenance: {
      recipe,
      createdAt: new Date().toISOString(),
      commit: currentCommit(),
      seed,
      steps,
      seconds: Math.round(seconds),
      settings: {
        ...made.settings,
        picturesTower: made.towerOrigin,
        start: { recipe: manifest.provenance.recipe, commit: manifest.provenance.commit, files: manifest.files },
      },
      data: dataPackages
        .filter((one) => one.use === 'training')
        .map(({ name, version, licence, holds }) => ({ package: name, version, licence, use: holds })),
      metrics,
    },
  };
  return writeBundle(directory, description, files);
}
