/** @file What the recipe made, as a bundle of the kind `multimodal`: with texts and pictures alone, or with sounds and clips. */
import { type MultimodalManifest, type PictureTower, type Provenance, writeBundle } from '../../../bundle/index.ts';
import { exportHalfHead } from '../finetune-image-tower/export.ts';
import type { Start, StartHead } from '../finetune-image-tower/start.ts';
import type { AudioPart, StudentPart, VideoPart } from './parts.ts';
import type { SpaceHeads } from './stage-one.ts';

/** What goes into a bundle. */
export interface MadeModalities {
  readonly start: Start;
  /** The outputs of the picture tower. */
  readonly ports: PictureTower['ports'];
  readonly heads: SpaceHeads;
  readonly student: StudentPart;
  readonly audio?: { readonly part: AudioPart; readonly head: StartHead };
  readonly video?: VideoPart;
  readonly provenance: Provenance;
  /** A further file with its licence: what is known of concepts. */
  readonly facts?: { readonly bytes: Uint8Array; readonly licence: string };
}

/** Of what was trained here, on data that is free of conditions for the weights. */
const ownLicence = 'Apache-2.0';

/** Writes the bundle. */
export function writeModalities(directory: string, made: MadeModalities): Promise<MultimodalManifest> {
  const { start, heads, student, audio, video } = made;
  const { picture, space } = start.bundle.manifest;
  const files = new Map<string, Uint8Array>();
  const licences: Record<string, string> = {};
  const add = (name: string, bytes: Uint8Array, licence = ownLicence) => {
    files.set(name, bytes);
    licences[name] = licence;
    return name;
  };
  const parts: Record<string, Provenance> = { space: start.bundle.manifest.provenance, student: student.provenance };
  if (audio !== undefined) parts.audio = audio.part.provenance;
  if (video !== undefined) parts.video = video.provenance;
  const manifest: Omit<MultimodalManifest, 'files'> = {
    format: 'sensorium-bundle',
    version: 2,
    kind: 'multimodal',
    name: 'sensorium-base',
    licence: `${ownLicence} AND ${student.licence}`,
    languages: ['en', 'zh'],
    space,
    picture: {
      ...picture,
      ...(picture.weights === undefined
        ? {}
        : { weights: add(picture.weights, start.bundle.files.get(picture.weights)!, start.bundle.manifest.licence) }),
      head: add('picture-head.onnx', exportHalfHead(heads.picture.head, heads.picture.statistics, made.ports)),
    },
    text: {
      routes: [
        { scripts: 'latin', tower: 'sentence-encoder', output: 'embedding' },
        {
          scripts: 'any',
          tower: 'text-encoder',
          weights: add('text-student.onnx', student.model, student.licence),
          tokenizer: add('tokenizer.json', student.tokenizer, student.licence),
          maxTokens: student.maxTokens,
        },
      ],
      head: add('text-head.onnx', headBytes(heads.text)),
    },
    ...(audio === undefined
      ? {}
      : {
          audio: {
            weights: add('audio-tower.onnx', audio.part.tower),
            frontEnd: 'log-mel-64',
            head: add('audio-head.onnx', headBytes(audio.head)),
            sampleRateHz: 16000,
            windowSeconds: audio.part.windowSeconds,
            maxSeconds: 120,
          },
        }),
    ...(video === undefined
      ? {}
      : {
          video: {
            weights: add('video-tower.onnx', video.tower),
            head: add('video-head.onnx', video.head),
            numFrames: video.numFrames,
          },
        }),
    ...(made.facts === undefined ? {} : { facts: add('facts.json', made.facts.bytes, made.facts.licence) }),
    logitScale: heads.logitScale,
    licences,
    parts,
    provenance: made.provenance,
  };
  return writeBundle(directory, manifest, files);
}

function headBytes({ head, statistics }: StartHead): Uint8Array {
  return exportHalfHead(head, statistics, [{ name: 'features', dim: statistics.mean.shape[0]! }]);
}
