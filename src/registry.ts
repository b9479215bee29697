// A room's list of definitions: what the program comes with, in its own order, then what plugins bring, in theirs. Plans,
// tables and help are loops over such lists, so that what is defined is known everywhere.

import { InputError } from './errors.js';
import { noSuch } from './nearest.js';

/** What every definition has; `define...` puts the kind there. */
export interface Definition {
  /** Which room it belongs to. */
  readonly kind: string;
  /** As configurations, options and files name it. */
  readonly name: string;
}

/** Letters and digits in lower case, `-` between: what a definition is called, and what files are called by. */
export const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export class Registry<D extends Definition> {
  private readonly definitions: D[] = [];

  /** @param noun what one of them is called: `metric`. */
  constructor(
    private readonly noun: string,
    builtIn: readonly D[] = [],
  ) {
    for (const definition of builtIn) this.register(definition);
  }

  /**
   * Adds a definition; the very same one again changes nothing.
   * @throws {InputError} where its name is another's, or no name.
   */
  register(definition: D): void {
    const { name } = definition;
    if (!NAME.test(name)) {
      throw new InputError(`${JSON.stringify(name)} will not do as the name of a ${this.noun}: a-z, 0-9 and - between`);
    }
    const taken = this.find(name);
    if (taken === definition) return;
    if (taken !== undefined)
      throw new InputError(
        `there is ${/^[aeiou]/.test(this.noun) ? 'an' : 'a'} ${this.noun} ${name} already; give this one another name`,
      );
    this.definitions.push(definition);
  }

  /** In the order in which they came. */
  all(): readonly D[] {
    return this.definitions;
  }

  find(name: string): D | undefined {
    return this.definitions.find((definition) => definition.name === name);
  }

  /** @throws {InputError} for a name that none has. */
  named(name: string): D {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw new InputError(
      noSuch(
        this.noun,
        name,
        this.definitions.map((definition) => definition.name),
      ),
    );
  }
}
