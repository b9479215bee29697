// A figure, defined: what it is called, what it needs of which runs, what it shows of their rows, and how that is drawn. As with
// tables, plans, dry runs, reports and pages read these definitions and know no single one of them.
//
//     export default defineFigure({
//       name: 'trade',
//       caption: 'Variety over reconstruction',
//       needs: [{ measuring: 'metrics', metrics: ['recon', 'distinct-2'] }],
//       show: (runs, split) => pointsOf(runs, split),
//       draw: (points) => svgOf(points),
//     });

import { requireParts } from '../definition-parts.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { TableDefinition } from './define-table.js';
import type { ChartView } from './page-numbers.js';
import { checkNeeds, PRODUCT_PARTS, type Product } from './product.js';

/** A figure by what people call it: the paper's number, or its name. */
export type FigureKey = number | string;

/** Files beside the tables, each a name and its content. */
export type FigureFiles = readonly (readonly [name: string, content: string])[];

/** A figure as a chart of the report's page. */
export interface FigureChart {
  views: readonly ChartView[];
  caption: string;
}

/** A figure of some runs. */
export interface MadeFigure {
  files(): Promise<FigureFiles>;
  /** Null where the page has no chart of it; the page shows the pictures themselves where absent, or of more than five lines. */
  chart?(): FigureChart | null;
}

export interface FigureDefinition extends Product {
  readonly kind: 'figure';
  /** The paper's number; null where it has no such figure. */
  readonly number: number | null;
  /** Of its file, without ending. */
  readonly name: string;
  readonly caption: string;
  /** The table that it stands beneath on the page, by name; null where it has a place of its own. */
  readonly beside: string | null;
  /** Null where there is nothing to draw. @param runs on one data set. */
  make(runs: readonly MeasuredRun[], split: string): MadeFigure | null;
}

/**
 * What is said of a figure. It is no figure of the paper, and its title is its name, unless that is said.
 *
 * @typeParam Shown what is drawn: worked out once for the pictures and the chart.
 */
export type FigureSpec<Shown> = Pick<FigureDefinition, 'name' | 'caption'> &
  Partial<Omit<FigureDefinition, 'kind' | 'beside' | 'make'>> & {
    /** The table whose numbers it draws: it needs what that needs, of the runs that that shows. */
    beside?: TableDefinition;
    /** Null where there is nothing to draw. @param runs on one data set. */
    show(runs: readonly MeasuredRun[], split: string): Shown | null;
    /** See {@link MadeFigure.chart}. */
    chart?(shown: Shown): FigureChart | null;
  } & (
    | {
        /** As one picture, SVG. */
        draw(shown: Shown): Promise<string> | string;
      }
    | {
        /** As several files, or of other kinds. */
        files(shown: Shown): Promise<FigureFiles> | FigureFiles;
      }
  );

/**
 * A figure, whole.
 * @throws {TypeError} where a part is missing or of another type.
 * @throws {RangeError} for a name that is a number's, and where nothing says what it needs.
 */
export function defineFigure<Shown>(spec: FigureSpec<Shown>): FigureDefinition {
  requireParts(
    'defineFigure',
    spec,
    { name: 'string', caption: 'string', show: 'function' },
    { ...PRODUCT_PARTS, needs: 'list', beside: 'object', chart: 'function' },
  );
  requireParts('defineFigure', spec, { ['files' in spec ? 'files' : 'draw']: 'function' });
  const { name, caption, number = null, title = `the figure ${name}`, beside, show, chart } = spec;
  if (/^\d/.test(name)) throw new RangeError(`${name}: a figure's name begins with a letter`);
  const { needs, takes, usual, needsLabels, varies } = { ...beside, ...spec };
  if (needs === undefined) throw new RangeError(`${name}: say what it needs, or the table that it is beside`);
  checkNeeds('defineFigure', needs);
  const files = async (shown: Shown): Promise<FigureFiles> =>
    'files' in spec ? spec.files(shown) : [[`${name}.svg`, await spec.draw(shown)]];
  return {
    kind: 'figure',
    number,
    name,
    caption,
    title,
    beside: beside?.name ?? null,
    needs,
    ...(takes && { takes }),
    ...(usual && { usual }),
    ...(needsLabels !== undefined && { needsLabels }),
    ...(varies && { varies }),
    make(runs, split) {
      const shown = show(runs, split);
      if (shown === null) return null;
      return { files: () => files(shown), ...(chart && { chart: () => chart(shown) }) };
    },
  };
}
