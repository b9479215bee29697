// How lines of one chart look, on the page and in pictures.

/**
 * What tells curves of one plot apart: colours that stay apart for the colour-blind (after Okabe and Ito 2008), and dashes
 * and shapes for who sees none.
 */
export const LINE_STYLES = [
  { colour: '#c44e00', dash: [1, 0], shape: 'circle' },
  { colour: '#0072b2', dash: [10, 4], shape: 'square' },
  { colour: '#00795a', dash: [2, 4], shape: 'triangle-up' },
  { colour: '#882255', dash: [10, 4, 2, 4], shape: 'diamond' },
  { colour: '#111111', dash: [18, 3, 4, 3, 4, 3], shape: 'cross' },
] as const;

/** Lines of a chart that are told apart without colour. */
export const MOST_LINES = LINE_STYLES.length;
