/** @file A text tower that was trained and lies in a bundle: token ids in, one row of features a text out. N: texts; T: tokens. */
import { FormatError, float32Data, Tensor } from '../engine/core/index.ts';
import { loadExecutable, type RuntimeOptions } from '../engine/runtime/index.ts';
import { ByteLevelBpe, padTokensWithMask } from '../media/text/index.ts';
import { inOrderOfLength, type TextTower } from './text-image-towers.ts';

/**
 * Opens a text tower: an ONNX model of `ids` `int64[N, T]` and `mask` `[N, T]` (1 at a token, 0 at padding) to `embedding` `[N, F]`.
 * @throws FormatError if it is not that, or the tokenizer is no tokenizer.json.
 */
export async function openTrainedTextTower(
  options: { weights: Uint8Array; tokenizer: Uint8Array; id: string; maxTokens: number },
  runtime: RuntimeOptions = {},
): Promise<TextTower> {
  const { weights, id, maxTokens } = options;
  const tokenizer = readTokenizer(options.tokenizer, id);
  const executable = await loadExecutable(weights, runtime);
  const taken = executable.inputs.map(({ name, dtype, shape }) => `${name} ${dtype} ${shape.length}`).sort();
  if (taken.join() !== 'ids int64 2,mask float32 2') {
    await executable.close();
    throw new FormatError(`${id}: a text tower takes ids int64[N, T] and mask float32[N, T], got ${taken.join(', ')}`);
  }
  return {
    id,
    run(texts) {
      // A text without tokens becomes one token, so that no mean is taken over nothing.
      const tokens = texts
        .map((text) => [...tokenizer.encode(text, maxTokens)])
        .map((ids) => (ids.length > 0 ? ids : [0]));
      return inOrderOfLength(tokens, async (rows) => {
        const { embedding } = await executable.run({ ...padTokensWithMask(rows, maxTokens) });
        if (embedding?.dtype !== 'float32' || embedding.shape.length !== 2) {
          throw new FormatError(`${id}: a text tower gives "embedding" float32[N, F]`);
        }
        return new Tensor('float32', embedding.shape, float32Data(embedding, id));
      });
    },
    close: () => executable.close(),
  };
}

function readTokenizer(bytes: Uint8Array, id: string): ByteLevelBpe {
  try {
    return new ByteLevelBpe(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new FormatError(`${id}: its tokenizer cannot be read: ${(cause as Error).message}`, { cause });
  }
}
