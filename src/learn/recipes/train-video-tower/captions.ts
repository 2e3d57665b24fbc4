/** @file The texts of clips: what a clip shows, what it does, and that it runs backward. */
import { type MotionName, motionTexts } from '../../data/motions.ts';
import { mirroredName } from '../../data/moving-pictures.ts';
import type { Clip } from './clips.ts';

/** Texts that stand for a clip. */
export interface ClipCaptions {
  /** What is seen, however it moves. */
  readonly plain: readonly string[];
  /** What is seen and what it does; empty where no word says it. */
  readonly moving: readonly string[];
}

const backwardTexts: Readonly<Record<'en' | 'zh', readonly string[]>> = {
  en: ['{a} played backward', '{a} in reverse', '{a}, running backward', 'a reversed clip of {a}'],
  zh: ['倒放的{}', '{}倒着播放', '{}反向播放'],
};

/** Texts for something of this name that runs backward; the first is the plain one. */
export function backwardTextsOf(name: string, language: 'en' | 'zh'): string[] {
  return backwardTexts[language].map((text) => text.replace('{a}', withArticle(name)).replace('{}', name));
}

/**
 * The texts of a clip in some languages.
 * @param motion what a composed clip shows, run backward or not.
 */
export function clipCaptions(
  clip: Clip,
  showing: { readonly motion: MotionName | undefined; readonly isReversed: boolean },
  languages: readonly string[],
): ClipCaptions {
  const plain: string[] = [];
  const moving: string[] = [];
  for (const language of ['en', 'zh'] as const) {
    const own = clip.name[language];
    if (own === undefined || !languages.includes(language)) continue;
    const name = clip.kind === 'animated' && clip.isMirrored ? mirroredName(own) : own;
    plain.push(...(language === 'en' ? [name, withArticle(name), `a picture of ${withArticle(name)}`] : [name]));
    if (clip.kind === 'composed') moving.push(...motionTexts(name, showing.motion!, language));
    else if (showing.isReversed) moving.push(...backwardTextsOf(name, language));
  }
  return { plain, moving };
}

function withArticle(name: string): string {
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
}
