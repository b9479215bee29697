// The figures that there are: pictures of what tables say in numbers, the curves of training, the paper's Figure 1, and what
// plugins bring, each as files beside the tables.

import { InputError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { Registry } from '../registry.js';
import { keptPosterior, posteriorFiles } from '../runs/posterior-files.js';
import { stepsChart, stepsLines, stepsPoints } from './ablation.js';
import { defineFigure, type FigureDefinition, type FigureKey } from './define-figure.js';
import { frontierFigure } from './figures/frontier.js';
import { stepsAblation } from './figures/steps-ablation.js';
import { frontierChart, frontierFigureOf, frontierLines } from './frontier.js';
import { curveFigures } from './report-page.js';
import { LOOKED_AT, tablesOf } from './tables.js';

const FIGURES = new Registry<FigureDefinition>('figure', [
  defineFigure({
    name: 'ablation-steps',
    caption: 'Number of Langevin steps',
    beside: tablesOf(['ablation-steps'])[0]!,
    show(runs, split) {
      const lines = stepsLines(runs, split);
      return lines.length < 2 ? null : lines;
    },
    draw: (lines) => stepsAblation(stepsPoints(lines)),
    chart: stepsChart,
  }),
  defineFigure({
    name: 'frontier',
    caption: 'Perplexity against KL',
    beside: tablesOf(['frontier'])[0]!,
    show(runs, split) {
      const lines = frontierLines(runs, split);
      return lines.length === 0 ? null : lines;
    },
    draw: (lines) => frontierFigure({ title: 'Perplexity against KL', ...frontierFigureOf(lines) }),
    chart: frontierChart,
  }),
  // Of these two the page has sections of its own, to be walked about in.
  defineFigure({
    name: 'training-curves',
    caption: 'The curves of training',
    needs: [],
    show: (runs) => runs,
    files: curveFigures,
    chart: () => null,
  }),
  defineFigure({
    number: 1,
    name: 'figure1',
    title: 'Figure 1',
    caption: 'Figure 1: aggregate posterior',
    needs: [{ measuring: 'posterior' }],
    usual: LOOKED_AT,
    show(runs) {
      const drawn = runs.filter((measured) => keptPosterior(measured) !== null);
      return drawn.length === 0 ? null : drawn;
    },
    files: (runs) => runs.flatMap(posteriorFiles),
    chart: () => null,
  }),
]);

/** Makes a figure known to every command that makes or shows figures. @throws {InputError} where its name is taken. */
export function registerFigure(figure: FigureDefinition): void {
  FIGURES.register(figure);
}

/** All of them, the program's own first. */
export function figures(): readonly FigureDefinition[] {
  return FIGURES.all();
}

/**
 * The figures of these keys, each once, in the order of all.
 * @throws {InputError} for a key that none has.
 */
export function figuresOf(keys: readonly FigureKey[]): FigureDefinition[] {
  const is = (key: FigureKey) => (figure: FigureDefinition) => figure.number === key || figure.name === key;
  const stranger = keys.find((key) => !figures().some(is(key)));
  if (stranger !== undefined) {
    const others = figures().flatMap(({ number, name }) => (number === null ? [name] : []));
    throw new InputError(
      `there is no such figure as ${stranger}; ${didYouMean(String(stranger), others)}of the paper's there is 1, which can ` +
        `be drawn from runs, and others are ${others.join(', ')}`,
    );
  }
  return figures().filter((figure) => keys.some((key) => is(key)(figure)));
}
