// Reads markup as strictly as XML is read, so that a test fails where a browser would only guess.

/** An element that was opened. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  /** Names of the elements around it, from the outermost. */
  within: string[];
  /** The text right in it, as a reader sees it. */
  text: string;
}

const VOID = new Set(['meta', 'br', 'input']);
const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
/** What stands in these is no markup up to their end. */
const RAW = /<\/(script|style)>/g;
const TOKEN = /<!doctype html>|<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;

/** All elements in the order of their opening; throws where tags do not match, or a character is not escaped. */
export function elementsOf(markup: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < markup.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(markup);
    if (match === null) throw new Error(`no markup: ${markup.slice(at, at + 60)}`);
    const [, closes, name, attributes = '', selfCloses, text] = match;
    if (text !== undefined) {
      const top = open.at(-1);
      if (top) top.text += readable(text);
    } else if (closes) {
      const top = open.pop();
      if (top?.name !== name) throw new Error(`</${name}> closes <${top?.name}>`);
    } else if (name !== undefined) {
      const within = open.map((element) => element.name);
      const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, readable(value!)]);
      const element: Element = { name, attributes: Object.fromEntries(pairs), within, text: '' };
      elements.push(element);
      if (name === 'script' || name === 'style') {
        RAW.lastIndex = TOKEN.lastIndex;
        const end = RAW.exec(markup);
        if (end?.[1] !== name) throw new Error(`<${name}> is never closed`);
        element.text = markup.slice(TOKEN.lastIndex, end.index);
        TOKEN.lastIndex = RAW.lastIndex;
      } else if (!selfCloses && !VOID.has(name)) open.push(element);
    }
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)!.name}> is never closed`);
  return elements;
}

function readable(text: string): string {
  return text.replace(/&[^;\s]*;?/g, (entity) => {
    const character = ENTITIES[entity];
    if (character === undefined) throw new Error(`${entity} is not escaped, in: ${text.slice(0, 60)}`);
    return character;
  });
}
