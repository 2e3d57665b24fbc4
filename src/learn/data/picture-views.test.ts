/** @file Which files and changes the views of a training picture show. */
import { describe, expect, it } from 'vitest';
import { viewsOf } from './picture-views.ts';

const hand = { id: 'noto/1f44b', source: 'noto', skinTonePaths: ['/light.png', '/dark.png'] } as const;

describe('viewsOf', () => {
  it('begins with the plain picture on white and is repeatable', () => {
    expect(viewsOf(hand, 3, 7)[0]).toEqual({ background: [255, 255, 255] });
    expect(viewsOf(hand, 3, 7)).toEqual(viewsOf(hand, 3, 7));
    expect(viewsOf(hand, 3, 8)).not.toEqual(viewsOf(hand, 3, 7));
  });

  it('shows skin tones in about three views of five where there are any, and never elsewhere', () => {
    const paths = viewsOf(hand, 1001, 1)
      .slice(1)
      .map((view) => view.path);
    const toned = paths.filter((path) => path !== undefined);
    expect(Math.abs(toned.length / 1000 - 0.6)).toBeLessThan(0.06);
    expect(new Set(toned)).toEqual(new Set(hand.skinTonePaths));
    expect(viewsOf({ ...hand, skinTonePaths: [] }, 101, 1).every((view) => view.path === undefined)).toBe(true);
  });

  it('changes nothing else by having skin tones, recolours only icons, and turns hues only of colour pictures', () => {
    const withoutPath = viewsOf(hand, 50, 3).map(({ path: _, ...view }) => view);
    expect(withoutPath).toEqual(viewsOf({ ...hand, skinTonePaths: [] }, 50, 3));
    const icon = viewsOf({ id: 'mdi/home', source: 'mdi', skinTonePaths: [] }, 50, 3);
    expect(icon.some((view) => view.foreground !== undefined)).toBe(true);
    expect(icon.every((view) => view.hueDegrees === undefined && view.grayscale === undefined)).toBe(true);
    expect(withoutPath.every((view) => view.foreground === undefined)).toBe(true);
  });
});
