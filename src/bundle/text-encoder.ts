/**
 * @file The text side of a bundle: each text takes the first route that takes its script, and what the routes give goes through one head.
 * A route's tower is opened when a text first takes it: an English query loads no multilingual encoder.
 *
 * N: texts; F: features; D: dimension of the space.
 */
import { ShapeError, Tensor } from '../engine/core/index.ts';
import type { RuntimeOptions } from '../engine/runtime/index.ts';
import { sentenceEncoder } from '../model/index.ts';
import { type Bundle, fileOf } from './bundle-folder.ts';
import { BundleHead } from './head.ts';
import type { Manifest, MultimodalManifest } from './manifest.ts';
import { openTextTower, type TextTower } from './text-image-towers.ts';
import { openTrainedTextTower } from './trained-text-tower.ts';

type Route = MultimodalManifest['text']['routes'][number];

/** Texts to unit vectors of the space. */
export class TextEncoder {
  readonly #bundle: Bundle;
  readonly #routes: readonly Route[];
  readonly #runtime: RuntimeOptions;
  readonly #head: BundleHead;
  readonly #towers = new Map<Route, Promise<TextTower>>();

  private constructor(bundle: Bundle, head: BundleHead, runtime: RuntimeOptions) {
    this.#bundle = bundle;
    this.#routes = routesOf(bundle.manifest);
    this.#head = head;
    this.#runtime = runtime;
  }

  /** Opens the head and the tower of the first route. @throws as `loadEncoder` does. */
  static async open(bundle: Bundle, runtime: RuntimeOptions): Promise<TextEncoder> {
    const head = await BundleHead.open(bundle, bundle.manifest.text.head, ['features'], runtime);
    const encoder = new TextEncoder(bundle, head, runtime);
    try {
      await encoder.#tower(encoder.#routes[0]!);
      return encoder;
    } catch (error) {
      await encoder.close();
      throw error;
    }
  }

  /** Unit vectors `[N, D]` of texts. */
  async encode(texts: readonly string[]): Promise<Tensor<'float32'>> {
    const taken = texts.map((text) => this.#routes.findIndex(({ scripts }) => scripts === 'any' || isLatin(text)));
    let rows: Float32Array | undefined;
    let dim = 0;
    for (const [index, route] of this.#routes.entries()) {
      const own = texts.flatMap((_, i) => (taken[i] === index ? [i] : []));
      if (own.length === 0) continue;
      const tower = await this.#tower(route);
      const { data, shape } = await tower.run(own.map((i) => texts[i]!));
      rows ??= new Float32Array(texts.length * shape[1]!);
      dim ||= shape[1]!;
      if (shape[1] !== dim)
        throw new ShapeError(`${tower.id}: must give [N, ${dim}] as the other routes do, got [${shape}]`);
      own.forEach((row, i) => {
        rows!.set(data.subarray(i * dim, (i + 1) * dim), row * dim);
      });
    }
    return this.#head.run({ features: new Tensor('float32', [texts.length, dim], rows!) });
  }

  async close(): Promise<void> {
    const towers = [...this.#towers.values()];
    await Promise.all([
      this.#head.close(),
      ...towers.map((tower) =>
        tower.then(
          (one) => one.close(),
          () => {},
        ),
      ),
    ]);
  }

  #tower(route: Route): Promise<TextTower> {
    let tower = this.#towers.get(route);
    if (tower === undefined) {
      tower = openRoute(this.#bundle, route, this.#runtime);
      this.#towers.set(route, tower);
    }
    return tower;
  }
}

/** Names the text towers of a bundle without opening them. */
export function textTowerIds(manifest: Manifest): string[] {
  return routesOf(manifest).map((route) => {
    if (route.tower === 'text-encoder') return `${route.weights} ${route.tokenizer}`;
    const tower = sentenceEncoder({ outputs: [route.output] });
    return `${tower.package}@${tower.version}/${tower.name}/${tower.revision}`;
  });
}

function routesOf(manifest: Manifest): readonly Route[] {
  if (manifest.kind === 'multimodal') return manifest.text.routes;
  return [{ scripts: 'any', tower: 'sentence-encoder', output: manifest.text.output }];
}

function openRoute(bundle: Bundle, route: Route, runtime: RuntimeOptions): Promise<TextTower> {
  if (route.tower === 'sentence-encoder') return openTextTower(route.output, runtime);
  const { weights, tokenizer, maxTokens } = route;
  return openTrainedTextTower(
    { weights: fileOf(bundle, weights), tokenizer: fileOf(bundle, tokenizer), id: weights, maxTokens },
    runtime,
  );
}

/** Whether all letters of the text are Latin; what is no letter does not count. */
function isLatin(text: string): boolean {
  return !/(?!\p{Script=Latin})\p{Letter}/u.test(text);
}
