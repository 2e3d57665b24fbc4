/**
 * @file Texts as the architectures read and write them: a small byte-level BPE over both languages, a token that begins a text and says its language,
 * one that ends it, and padding. T: tokens.
 */
import { Tensor } from '../../../engine/core/index.ts';
import { ByteLevelBpe, trainByteLevelBpe } from '../../../media/text/index.ts';

/** The languages of captions. */
export const captionLanguages = ['en', 'zh'] as const;

/** A language of captions. */
export type CaptionLanguage = (typeof captionLanguages)[number];

/** The special tokens; those of the tokenizer follow. Padding is 0, as in the text decoder. */
const beginIds: Readonly<Record<CaptionLanguage, number>> = { en: 1, zh: 2 };
const endId = 3;
const numSpecial = 4;

/** Texts to ids and back. */
export class CaptionCodec {
  readonly #bpe: ByteLevelBpe;
  /** T, the token that begins a text included. */
  readonly maxTokens: number;
  readonly endId = endId;

  private constructor(bpe: ByteLevelBpe, maxTokens: number) {
    this.#bpe = bpe;
    this.maxTokens = maxTokens;
  }

  /** A codec whose tokens are the commonest parts of the texts. */
  static train(texts: Iterable<string>, options: { vocabularySize: number; maxTokens: number }): CaptionCodec {
    const json = trainByteLevelBpe(texts, { vocabularySize: options.vocabularySize - numSpecial });
    return new CaptionCodec(new ByteLevelBpe(json), options.maxTokens);
  }

  /** The number of ids, the special ones included. */
  get vocabularySize(): number {
    return this.#bpe.vocabularySize + numSpecial;
  }

  /** The token that begins a text in a language. */
  beginId(language: CaptionLanguage): number {
    return beginIds[language];
  }

  /** The tokens of a text between begin and end, at most `maxTokens - 1`. */
  encode(text: string): number[] {
    return this.#bpe.encode(text, this.maxTokens - 1).map((id) => id + numSpecial);
  }

  /** The text as a caption can give it back: lower case, compatibility forms resolved. */
  normalize(text: string): string {
    return this.#bpe.normalize(text).trim();
  }

  /** The text of tokens, up to the one that ends it. */
  decode(ids: readonly number[]): string {
    const end = ids.indexOf(endId);
    const own = (end < 0 ? ids : ids.slice(0, end)).filter((id) => id >= numSpecial);
    return this.#bpe.decode(own.map((id) => id - numSpecial)).trim();
  }

  /** Texts as rows `int64[N, T]`: what is read (`ids`), and the same a token further (`targets`). */
  batch(texts: readonly { readonly tokens: readonly number[]; readonly language: CaptionLanguage }[]): CaptionRows {
    const ids = new BigInt64Array(texts.length * this.maxTokens);
    const targets = new BigInt64Array(texts.length * this.maxTokens);
    texts.forEach(({ tokens, language }, row) => {
      const at = row * this.maxTokens;
      const whole = [...tokens.slice(0, this.maxTokens - 1), endId];
      ids[at] = BigInt(beginIds[language]);
      whole.forEach((token, i) => {
        targets[at + i] = BigInt(token);
        if (token !== endId) ids[at + i + 1] = BigInt(token);
      });
    });
    const shape = [texts.length, this.maxTokens];
    return { ids: new Tensor('int64', shape, ids), targets: new Tensor('int64', shape, targets) };
  }
}

/** Texts as rows of tokens. */
export interface CaptionRows {
  readonly ids: Tensor<'int64'>;
  readonly targets: Tensor<'int64'>;
}
