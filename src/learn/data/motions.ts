/**
 * @file The motions that composed clips show, as one table: how a picture moves over time, what the same frames show when they run backward
 * or are mirrored, and how English and Chinese say it.
 */
import type { Rng } from '../../engine/core/index.ts';

/** How a sprite lies in a frame. */
export interface Pose {
  /** Offset of the centre from the middle, in sides of the frame; x to the right, y downward. */
  readonly x: number;
  readonly y: number;
  /** Factor of the size. */
  readonly scale: number;
  /** Clockwise turn. */
  readonly rotateDegrees: number;
  /** In [0, 1]. */
  readonly opacity: number;
  /** Factor of the height, in [-1, 1]; below 0 the sprite stands on its head. */
  readonly stretch: number;
}

/** The pose at each moment of a clip, by the time in [0, 1]. */
export type PosePath = (time: number) => Pose;

/** Names of the motions. */
export const motionNames = [
  'moves-left',
  'moves-right',
  'rises',
  'falls',
  'grows',
  'shrinks',
  'turns-clockwise',
  'turns-anticlockwise',
  'appears',
  'disappears',
  'shakes',
  'bounces',
  'flips',
  'stands-still',
] as const;

/** One of the motions. */
export type MotionName = (typeof motionNames)[number];

/** One motion. */
export interface Motion {
  /** What the same frames show from the last to the first. */
  readonly reversed: MotionName;
  /** What they show in a mirror. */
  readonly mirrored: MotionName;
  /** Draws one way of moving so. */
  readonly path: (rng: Rng) => PosePath;
  /** Texts for it; `{a}` stands for the name with its article, `{}` for the name. The first is the plain one. */
  readonly en: readonly string[];
  readonly zh: readonly string[];
}

const rest: Pose = { x: 0, y: 0, scale: 1, rotateDegrees: 0, opacity: 1, stretch: 1 };

const between = (rng: Rng, low: number, high: number) => low + (high - low) * rng.uniform();

/** Along a line from one side to the other; `direction` -1 is to the left. */
function acrossPath(direction: 1 | -1): Motion['path'] {
  return (rng) => {
    const reach = between(rng, 0.18, 0.36);
    const drift = between(rng, -0.06, 0.06);
    const y = between(rng, -0.15, 0.15);
    return (time) => ({ ...rest, x: direction * reach * (2 * time - 1), y: y + drift * (time - 0.5) });
  };
}

/** Upward it slows down, downward it speeds up: each is the other run backward. */
function heightPath(direction: 1 | -1): Motion['path'] {
  return (rng) => {
    const reach = between(rng, 0.18, 0.36);
    const bend = between(rng, 0, 0.6);
    const x = between(rng, -0.15, 0.15);
    return (time) => {
      const fallen = direction === 1 ? time : 1 - time;
      const way = (1 - bend) * fallen + bend * fallen * fallen;
      return { ...rest, x, y: reach * (2 * way - 1) };
    };
  };
}

function sizePath(direction: 1 | -1): Motion['path'] {
  return (rng) => {
    const [low, high] = [between(rng, 0.35, 0.6), between(rng, 1.1, 1.5)];
    const [x, y] = [between(rng, -0.08, 0.08), between(rng, -0.08, 0.08)];
    return (time) => ({ ...rest, x, y, scale: low * (high / low) ** (direction === 1 ? time : 1 - time) });
  };
}

function turnPath(direction: 1 | -1): Motion['path'] {
  return (rng) => {
    const turn = between(rng, 150, 330);
    const start = between(rng, -30, 30);
    return (time) => ({ ...rest, rotateDegrees: start + direction * turn * (time - 0.5) });
  };
}

function opacityPath(direction: 1 | -1): Motion['path'] {
  return (rng) => {
    const edge = between(rng, 0, 0.25);
    const [x, y] = [between(rng, -0.12, 0.12), between(rng, -0.12, 0.12)];
    return (time) => {
      const shown = (direction === 1 ? time : 1 - time) * (1 + edge) - edge / 2;
      return { ...rest, x, y, opacity: Math.min(1, Math.max(0, shown)) };
    };
  };
}

/** The table of motions. */
export const motions: Readonly<Record<MotionName, Motion>> = {
  'moves-left': {
    reversed: 'moves-right',
    mirrored: 'moves-right',
    path: acrossPath(-1),
    en: [
      '{a} moving left',
      '{a} moving to the left',
      '{a} sliding left',
      '{a} going from right to left',
      '{} moves left',
    ],
    zh: ['{}向左移动', '{}往左移动', '向左滑动的{}', '{}从右边移到左边', '{}向左走'],
  },
  'moves-right': {
    reversed: 'moves-left',
    mirrored: 'moves-left',
    path: acrossPath(1),
    en: [
      '{a} moving right',
      '{a} moving to the right',
      '{a} sliding right',
      '{a} going from left to right',
      '{} moves right',
    ],
    zh: ['{}向右移动', '{}往右移动', '向右滑动的{}', '{}从左边移到右边', '{}向右走'],
  },
  rises: {
    reversed: 'falls',
    mirrored: 'rises',
    path: heightPath(-1),
    en: ['{a} rising', '{a} going up', '{a} moving up', '{a} flying up', '{} rises', '{a} moving upward'],
    zh: ['{}上升', '{}向上移动', '正在上升的{}', '{}升起来', '{}往上飞'],
  },
  falls: {
    reversed: 'rises',
    mirrored: 'falls',
    path: heightPath(1),
    en: ['{a} falling', '{a} going down', '{a} moving down', '{a} dropping down', '{} falls', '{a} moving downward'],
    zh: ['{}下落', '{}向下移动', '正在下落的{}', '{}掉下来', '{}往下掉'],
  },
  grows: {
    reversed: 'shrinks',
    mirrored: 'grows',
    path: sizePath(1),
    en: ['{a} growing', '{a} getting bigger', '{a} coming closer', '{a} becoming larger', '{} grows'],
    zh: ['{}变大', '{}越来越大', '靠近的{}', '正在变大的{}', '{}越来越近'],
  },
  shrinks: {
    reversed: 'grows',
    mirrored: 'shrinks',
    path: sizePath(-1),
    en: ['{a} shrinking', '{a} getting smaller', '{a} going away', '{a} becoming smaller', '{} shrinks'],
    zh: ['{}变小', '{}越来越小', '远去的{}', '正在变小的{}', '{}越来越远'],
  },
  'turns-clockwise': {
    reversed: 'turns-anticlockwise',
    mirrored: 'turns-anticlockwise',
    path: turnPath(1),
    en: ['{a} turning clockwise', '{a} rotating clockwise', '{a} spinning clockwise', '{} turns clockwise'],
    zh: ['{}顺时针旋转', '顺时针转动的{}', '{}顺时针转', '{}按顺时针方向旋转'],
  },
  'turns-anticlockwise': {
    reversed: 'turns-clockwise',
    mirrored: 'turns-clockwise',
    path: turnPath(-1),
    en: [
      '{a} turning counterclockwise',
      '{a} rotating counterclockwise',
      '{a} spinning anticlockwise',
      '{} turns anticlockwise',
    ],
    zh: ['{}逆时针旋转', '逆时针转动的{}', '{}逆时针转', '{}按逆时针方向旋转'],
  },
  appears: {
    reversed: 'disappears',
    mirrored: 'appears',
    path: opacityPath(1),
    en: ['{a} appearing', '{a} fading in', '{a} becoming visible', '{} appears', '{a} showing up'],
    zh: ['{}出现', '逐渐出现的{}', '{}慢慢显现', '{}淡入', '{}显现出来'],
  },
  disappears: {
    reversed: 'appears',
    mirrored: 'disappears',
    path: opacityPath(-1),
    en: ['{a} disappearing', '{a} fading out', '{a} fading away', '{} disappears', '{a} vanishing'],
    zh: ['{}消失', '逐渐消失的{}', '{}慢慢不见', '{}淡出', '{}消失不见'],
  },
  shakes: {
    reversed: 'shakes',
    mirrored: 'shakes',
    path: (rng) => {
      const reach = between(rng, 0.06, 0.16);
      const rounds = between(rng, 1.6, 2.6);
      const phase = between(rng, 0, 1);
      return (time) => ({ ...rest, x: reach * Math.sin(2 * Math.PI * (rounds * time + phase)) });
    },
    en: ['{a} shaking', '{a} shaking from side to side', '{a} trembling', '{} shakes'],
    zh: ['{}摇晃', '左右摇晃的{}', '{}抖动', '{}来回晃动'],
  },
  bounces: {
    reversed: 'bounces',
    mirrored: 'bounces',
    path: (rng) => {
      const height = between(rng, 0.2, 0.42);
      const rounds = between(rng, 1.2, 2.2);
      const phase = between(rng, 0, 1);
      return (time) => ({ ...rest, y: height * (0.5 - Math.abs(Math.sin(Math.PI * (rounds * time + phase)))) });
    },
    en: ['{a} bouncing', '{a} bouncing up and down', '{a} hopping', '{} bounces', '{a} jumping up and down'],
    zh: ['{}弹跳', '上下弹跳的{}', '{}跳来跳去', '{}蹦蹦跳跳'],
  },
  flips: {
    reversed: 'flips',
    mirrored: 'flips',
    path: (rng) => {
      const rounds = between(rng, 0.8, 1.4);
      const phase = between(rng, -0.1, 0.1);
      return (time) => ({ ...rest, stretch: Math.cos(2 * Math.PI * (rounds * time + phase)) });
    },
    en: ['{a} flipping over', '{a} turning upside down and back', '{a} doing a somersault', '{} flips over'],
    zh: ['{}翻转', '上下翻转的{}', '{}翻跟头', '{}翻过来翻过去'],
  },
  'stands-still': {
    reversed: 'stands-still',
    mirrored: 'stands-still',
    path: (rng) => {
      const [x, y] = [between(rng, -0.15, 0.15), between(rng, -0.15, 0.15)];
      const scale = between(rng, 0.7, 1.2);
      return () => ({ ...rest, x, y, scale });
    },
    en: ['{a} standing still', '{a} not moving', 'a motionless {}', '{a} at rest'],
    zh: ['{}静止不动', '不动的{}', '静止的{}', '{}没有动'],
  },
};

/** What the frames of a motion show when they run backward and/or are mirrored. */
export function motionAs(
  name: MotionName,
  as: { readonly reversed?: boolean; readonly mirrored?: boolean },
): MotionName {
  const turned = as.reversed ? motions[name].reversed : name;
  return as.mirrored ? motions[turned].mirrored : turned;
}

/** The texts of a motion for something of this name. */
export function motionTexts(name: string, motion: MotionName, language: 'en' | 'zh'): string[] {
  const withArticle = `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
  return motions[motion][language].map((text) => text.replace('{a}', withArticle).replace('{}', name));
}
