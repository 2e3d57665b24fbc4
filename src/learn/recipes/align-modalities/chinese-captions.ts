/** @file The Chinese texts that stand for a picture, and the Chinese names that none of them may hold. */
import type { Rng } from '../../../engine/core/index.ts';
import { readEmoji } from '../../data/emoji.ts';
import type { Annotation } from '../../data/parallel-text.ts';

/** The texts: the name, alone and in phrases as people type them; the name with keywords; keywords together and alone. */
export function chineseCaptions({ name, keywords }: Annotation, rng: Rng): string[] {
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

/** The Chinese names of held-out concepts; names of one character are in too many words to say which concept is meant. */
export function heldOutChineseNames(modules: string, annotations: ReadonlyMap<string, Annotation>): string[] {
  const names = readEmoji(modules)
    .filter(({ split, isFlag }) => split !== 'train' && !isFlag)
    .flatMap(({ sequence }) => annotations.get(sequence)?.name ?? []);
  return [...new Set(names)].filter((name) => name.length > 1);
}
