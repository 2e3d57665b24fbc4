/** @file The Chinese texts that stand for a picture, and the names that none of them may hold. */
import type { Rng } from '../../../engine/core/index.ts';
import { readEmoji } from '../../data/emoji.ts';
import { readChineseNames } from '../../data/moving-pictures.ts';

/** What CLDR calls an emoji in Chinese. */
export interface ChineseNames {
  readonly name: string;
  readonly keywords: readonly string[];
}

/**
 * The Chinese names and keywords of emoji by their sequence, without keywords that name a held-out concept. A name of one character is in
 * too many words to say which concept is meant.
 * @param modules the `node_modules` folder of the data.
 */
export function readChineseCaptions(modules: string): ReadonlyMap<string, ChineseNames> {
  const names = new Map(
    [...readChineseNames(modules)].flatMap(([sequence, { tts, default: keywords = [] }]) =>
      tts?.[0] === undefined ? [] : [[sequence, { name: tts[0], keywords }] as const],
    ),
  );
  const heldOut = readEmoji(modules)
    .filter(({ split, isFlag }) => split !== 'train' && !isFlag)
    .flatMap(({ sequence }) => names.get(sequence)?.name ?? [])
    .filter((name) => name.length > 1);
  return new Map(
    [...names].map(([sequence, { name, keywords }]) => [
      sequence,
      { name, keywords: keywords.filter((keyword) => !heldOut.some((text) => keyword.includes(text))) },
    ]),
  );
}

/** The texts: the name, alone and in phrases as people type them; the name with keywords; keywords together and alone. */
export function chineseCaptions({ name, keywords }: ChineseNames, rng: Rng): string[] {
  const some = rng.shuffle([...new Set(keywords)].filter((keyword) => keyword !== name));
  const phrases = [name, `一个${name}`, `${name}的图片`];
  if (some.length === 0) return phrases;
  return [
    ...phrases,
    `${some[0]}${name}`,
    `${name}，${some.slice(0, 3).join('，')}`,
    some.slice(0, 5).join('，'),
    ...some.slice(0, 4),
  ];
}
