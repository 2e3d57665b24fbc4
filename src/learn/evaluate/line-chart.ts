/**
 * @file A line chart as an SVG file, for results that people would rather look at: lines with markers, bands for intervals, a legend, axes with
 * round numbers, linear or logarithmic. Drawn for light and dark grounds alike: it brings its own ground.
 */

/** One line. */
export interface ChartSeries {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[];
}

/** A chart. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Powers of ten are equally far apart on the x axis. */
  readonly logX?: boolean;
  /** The least and the greatest y shown; those of the data if absent. */
  readonly yRange?: readonly [number, number];
  readonly series: readonly ChartSeries[];
}

// Okabe and Ito's colours, which colour-blind readers tell apart.
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555'];
const [width, height] = [720, 440];
const plot = { left: 70, right: 700, top: 52, bottom: 340 };

/** The chart as the text of an SVG file. @throws RangeError if there is no point, or one that cannot be drawn. */
export function lineChart(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const xs = points.map(({ x }) => (chart.logX ? Math.log10(x) : x));
  const ys = points.flatMap(({ y, low = y, high = y }) => [low, y, high]);
  if (points.length === 0 || ![...xs, ...ys].every(Number.isFinite)) {
    throw new RangeError(`lineChart: "${chart.title}" needs points with finite coordinates`);
  }
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)];
  const yTicks = ticks(...(chart.yRange ?? ([Math.min(...ys), Math.max(...ys)] as const)));
  const [yLow, yHigh] = [yTicks[0]!, yTicks.at(-1)!];
  const toX = (x: number) => {
    const at = chart.logX ? Math.log10(x) : x;
    return plot.left + ((at - xLow) / (xHigh - xLow || 1)) * (plot.right - plot.left - 20) + 10;
  };
  const toY = (y: number) =>
    plot.bottom - ((clamp(y, yLow, yHigh) - yLow) / (yHigh - yLow || 1)) * (plot.bottom - plot.top);
  const xTicks = chart.logX
    ? [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b)
    : ticks(xLow, xHigh).filter((x) => x >= xLow && x <= xHigh);
  const parts = [
    `<title>${escapeText(chart.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(width / 2, 26, chart.title, 'middle', 16),
    ...yTicks.map(
      (y) =>
        `<path d="M${plot.left} ${round(toY(y))}H${plot.right}" stroke="#dddddd"/>${text(plot.left - 8, toY(y) + 4, label(y), 'end')}`,
    ),
    ...xTicks.map(
      (x) =>
        `<path d="M${round(toX(x))} ${plot.bottom}v5" stroke="#333333"/>${text(toX(x), plot.bottom + 20, label(x), 'middle')}`,
    ),
    `<path d="M${plot.left} ${plot.bottom}H${plot.right}" stroke="#333333"/>`,
    text((plot.left + plot.right) / 2, plot.bottom + 42, chart.xLabel, 'middle', 13),
    `<g transform="translate(18 ${(plot.top + plot.bottom) / 2}) rotate(-90)">${text(0, 0, chart.yLabel, 'middle', 13)}</g>`,
    ...chart.series.map((series, i) => drawSeries(series, colours[i % colours.length]!, toX, toY)),
    ...legend(chart.series),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif">\n${parts.join('\n')}\n</svg>\n`;
}

function drawSeries(
  { points }: ChartSeries,
  colour: string,
  toX: (x: number) => number,
  toY: (y: number) => number,
): string {
  const path = (values: readonly (readonly [number, number])[]) =>
    values.map(([x, y]) => `${round(toX(x))} ${round(toY(y))}`).join('L');
  const hasBand = points.some(({ low, high }) => low !== undefined && high !== undefined);
  const band = hasBand
    ? `<path d="M${path([
        ...points.map(({ x, y, high = y }) => [x, high] as const),
        ...[...points].reverse().map(({ x, y, low = y }) => [x, low] as const),
      ])}Z" fill="${colour}" opacity="0.15"/>`
    : '';
  const line = `<path d="M${path(points.map(({ x, y }) => [x, y] as const))}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  const markers =
    points.length > 40
      ? ''
      : points
          .map(({ x, y }) => `<circle cx="${round(toX(x))}" cy="${round(toY(y))}" r="3" fill="${colour}"/>`)
          .join('');
  return band + line + markers;
}

/** Three entries a row below the plot. */
function legend(series: readonly ChartSeries[]): string[] {
  return series.map(({ name }, i) => {
    const [x, y] = [plot.left + (i % 3) * 215, plot.bottom + 66 + Math.floor(i / 3) * 18];
    return `<path d="M${x} ${y - 4}h22" stroke="${colours[i % colours.length]}" stroke-width="3"/>${text(x + 28, y, name, 'start')}`;
  });
}

/** Round numbers from at or below `low` to at or above `high`, about five. */
function ticks(low: number, high: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= 6)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="#222222">${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
const round = (value: number) => Number(value.toFixed(1));
const label = (value: number) =>
  Math.abs(value) >= 10_000 ? value.toExponential(0) : String(Number(value.toPrecision(6)));
