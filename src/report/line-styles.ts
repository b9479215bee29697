// How lines of one chart look, on the page and in pictures.

export interface LineStyle {
  /** On white, and on black. */
  readonly colour: string;
  readonly onDark: string;
  /** Lengths of strokes and gaps in turn. */
  readonly dash: readonly number[];
  /** Of points, where a picture shows them. */
  readonly shape: string;
}

/**
 * What tells curves of one plot apart: colours that stay apart for the colour-blind (after Okabe and Ito 2008), and dashes
 * and shapes for who sees none.
 */
export const LINE_STYLES: readonly [LineStyle, ...LineStyle[]] = [
  { colour: '#c44e00', onDark: '#ff9a52', dash: [1, 0], shape: 'circle' },
  { colour: '#0072b2', onDark: '#62bdf5', dash: [10, 4], shape: 'square' },
  { colour: '#00795a', onDark: '#35d6a4', dash: [2, 4], shape: 'triangle-up' },
  { colour: '#882255', onDark: '#f08fbd', dash: [10, 4, 2, 4], shape: 'diamond' },
  { colour: '#111111', onDark: '#f5f5f5', dash: [18, 3, 4, 3, 4, 3], shape: 'cross' },
];

/** Lines of a chart that are told apart without colour. */
export const MOST_LINES = LINE_STYLES.length;
