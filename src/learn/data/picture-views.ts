/**
 * @file How a training picture is shown: once as it is, then under changes that leave its meaning alone (ground, size, turn, a slight
 * hue, colour of monochrome icons), so that the encoder learns what is drawn and not on what.
 */
import { Rng } from '../../engine/core/index.ts';
import type { RenderOptions, RGB } from '../../media/index.ts';
import type { PictureRecord } from './catalog.ts';

/** One way to render a picture; the size is the encoder's. */
export type PictureView = Omit<RenderOptions, 'size' | 'timeoutMs'> & {
  /** The file to show where it is not the picture's own: the same drawing in another skin tone. */
  readonly path?: string;
};

const white: RGB = [255, 255, 255];
const iconSources: readonly string[] = ['lucide', 'tabler-outline', 'tabler-filled', 'mdi', 'fluent-high-contrast'];

/** A light or a strong colour: `lightness` is the least value of a channel. */
function colour(rng: Rng, lowest: number, highest: number): RGB {
  const channel = () => lowest + rng.integer(highest - lowest + 1);
  return [channel(), channel(), channel()];
}

/**
 * The views of a picture: the first is the plain one on white, the others are drawn from `seed` and the picture's id.
 * A person or hand is mostly shown in one of its skin tones. Pictures are never mirrored: arrows, letters and hands would change their meaning.
 */
export function viewsOf(
  record: Pick<PictureRecord, 'id' | 'source' | 'skinTonePaths'>,
  numViews: number,
  seed: number,
): PictureView[] {
  const isIcon = iconSources.includes(record.source);
  return Array.from({ length: numViews }, (_, index): PictureView => {
    if (index === 0) return { background: white };
    const rng = new Rng(`${seed}/${record.id}/${index}`);
    const whiteGround = rng.uniform() < 0.4;
    return {
      background: whiteGround ? white : colour(rng, 170, 255),
      padding: rng.uniform() * 0.3,
      rotateDegrees: (rng.uniform() - 0.5) * 24,
      ...(isIcon && rng.uniform() < 0.6 ? { foreground: colour(rng, 0, 160) } : {}),
      ...(!isIcon && rng.uniform() < 0.5 ? { hueDegrees: (rng.uniform() - 0.5) * 40 } : {}),
      ...(!isIcon && rng.uniform() < 0.1 ? { grayscale: true } : {}),
      ...(record.skinTonePaths.length > 0 && rng.uniform() < 0.6 ? { path: rng.pick(record.skinTonePaths) } : {}),
    };
  });
}
