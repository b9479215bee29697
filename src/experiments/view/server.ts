// The page over HTTP, on this machine alone: for whoever has the address with its token, for no other site's script, and
// only to look. It follows the runs' folder, tells its pages when something changed, and passes questions on to a process
// that computes.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SplitName } from '../../data/splits.js';
import { InputError } from '../../errors.js';
import { cut } from '../../text.js';
import { runAt } from '../default-run.js';
import type { Following } from '../progress.js';
import { comparePage } from '../report.js';
import type { AnsweringMachine } from './answerer.js';
import { AnsweringProcess, BusyError } from './answering-process.js';
import { parseQuestion } from './questions.js';
import { readViewed, stateOf, type ViewedFolders, viewedFolders } from './viewed-runs.js';

export interface ViewRequest extends ViewedFolders, AnsweringMachine {
  split: SplitName;
  /** 0 for any that is free. */
  port: number;
}

export type ViewEvent =
  | { kind: 'serving'; address: string }
  /** Something went wrong that the page was told of too. */
  | { kind: 'trouble'; message: string };

const ADDRESS = '127.0.0.1';
/** Names by which a browser of this machine, or one at the other end of a tunnel, calls it. */
const OWN_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** Bytes of a question. */
const LONGEST_BODY = 64 * 1024;
/** Pages that are told of changes at a time. */
const MOST_PAGES = 32;
/** Milliseconds between two looks at the folder, and between two signs of life to a page. */
const LOOK = 1000;
const BEAT = 15_000;
/** A page is made anew no more often than this many times as long as making it took. */
const REST = 10;

/** What a browser is told beside every answer. The page's own policy stands in its head. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/**
 * Serves the page until the signal aborts.
 * @throws {InputError} where the port is taken, or a folder that was named holds no run.
 */
export async function view(
  request: ViewRequest,
  { signal, onProgress = () => {} }: Following<ViewEvent> & { signal: AbortSignal },
): Promise<void> {
  for (const folder of request.folders) runAt(folder);
  const viewer = new Viewer(request, onProgress);
  try {
    await viewer.listen(request.port);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  } finally {
    await viewer.close();
  }
}

/** What is wrong with a request, for whoever sent it. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

class Viewer {
  private readonly token = randomBytes(16).toString('hex');
  private readonly server: Server;
  private readonly answering: AnsweringProcess;
  private readonly pages = new Set<ServerResponse>();
  private readonly timers: NodeJS.Timeout[] = [];
  /** Of what there is to see; pages are told of a new one. */
  private version = 0;
  private state = '';
  private looking = false;
  private page: { version: number; html: string } | null = null;
  /** When a page may be made anew. */
  private rested = 0;

  constructor(
    private readonly request: ViewRequest,
    private readonly onProgress: (event: ViewEvent) => void,
  ) {
    this.answering = new AnsweringProcess(request);
    // Slow or silent senders are let go.
    this.server = createServer({ requestTimeout: 20_000, headersTimeout: 10_000, keepAliveTimeout: 5_000 });
    this.server.maxConnections = 128;
    this.server.on('request', (incoming, response) => void this.serve(incoming, response));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
        reject(taken ? new InputError(`--port ${port}: taken, or not for us; name another, or none for any`) : error);
      };
      this.server.once('error', refused);
      this.server.listen(port, ADDRESS, () => {
        this.server.off('error', refused);
        // Such as no more files to be had: who is served already stays so.
        this.server.on('error', ({ message }) => this.onProgress({ kind: 'trouble', message }));
        resolve();
      });
    });
    this.state = await stateOf(this.request);
    const beat = () => {
      for (const page of this.pages) page.write(': still here\n\n');
    };
    this.timers.push(
      setInterval(beat, BEAT),
      setInterval(() => void this.look(), LOOK),
    );
    const { port: own } = this.server.address() as AddressInfo;
    this.onProgress({ kind: 'serving', address: `http://${ADDRESS}:${own}/${this.token}/` });
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    for (const page of this.pages) page.end();
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await Promise.all([closed, this.answering.close()]);
  }

  /** Tells pages where something changed. One look at a time, whatever time it takes. */
  private async look(): Promise<void> {
    if (this.looking || performance.now() < this.rested) return;
    this.looking = true;
    try {
      const state = await stateOf(this.request);
      if (state === this.state) return;
      this.state = state;
      this.version++;
      this.tell('changed', this.version);
    } catch (error) {
      this.onProgress({ kind: 'trouble', message: (error as Error).message });
    } finally {
      this.looking = false;
    }
  }

  /** To every page. */
  private tell(event: string, data: unknown): void {
    for (const page of this.pages) page.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.route(incoming, response);
    } catch (error) {
      // Who left in the middle of a question waits for no answer.
      if (incoming.destroyed && !incoming.complete) return;
      const { message } = error as Error;
      const refusal =
        error instanceof Refusal
          ? error
          : error instanceof InputError
            ? new Refusal(400, message)
            : error instanceof BusyError
              ? new Refusal(503, message, { 'Retry-After': '1' })
              : new Refusal(500, message);
      if (refusal.status === 500) this.onProgress({ kind: 'trouble', message });
      if (response.headersSent || response.destroyed) return void response.destroy();
      send(response, refusal.status, JSON.stringify({ error: message }), 'application/json', {
        ...refusal.headers,
        // Of a body that was not read to its end there is more to come.
        ...(incoming.complete ? {} : { Connection: 'close' }),
      });
    }
  }

  private async route(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    checkOrigin(incoming);
    const { url = '/' } = incoming;
    const own = `http://${ADDRESS}`;
    if (!URL.canParse(url, own)) throw new Refusal(400, `${cut(url)} is no address`);
    const { pathname } = new URL(url, own);
    const [, token = '', place = '', ...more] = pathname.split('/');
    if (!same(token, this.token)) {
      throw new Refusal(403, 'this address lacks its token; open the one that sri view printed');
    }
    if (more.length > 0 || (place === '' && !pathname.endsWith('/'))) throw new Refusal(404, 'there is nothing here');
    switch (place) {
      case '':
        allow(incoming, 'GET', 'HEAD');
        return send(response, 200, await this.currentPage(), 'text/html');
      case 'events':
        allow(incoming, 'GET');
        return this.follow(incoming, response);
      case 'ask':
        allow(incoming, 'POST');
        return this.ask(incoming, response);
      default:
        throw new Refusal(404, 'there is nothing here');
    }
  }

  private async currentPage(): Promise<string> {
    if (this.page?.version === this.version) return this.page.html;
    const { version, request } = this;
    const began = performance.now();
    const { measured, training, notices } = readViewed(request);
    const html = await comparePage(measured, request.split, { live: { version }, training, notices });
    const ended = performance.now();
    this.rested = ended + REST * (ended - began);
    this.page = { version, html };
    return html;
  }

  private follow(incoming: IncomingMessage, response: ServerResponse): void {
    if (this.pages.size >= MOST_PAGES) throw new Refusal(503, `${MOST_PAGES} pages are open already; close some`);
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
    // A page that was asleep learns what it missed.
    response.write(`retry: 2000\nevent: changed\ndata: ${this.version}\n\n`);
    this.pages.add(response);
    incoming.on('close', () => this.pages.delete(response));
  }

  private async ask(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = parseQuestion(await readJson(incoming));
    const known = viewedFolders(this.request).some(({ directory }) => directory === question.run);
    if (!known) throw new Refusal(404, `${cut(question.run)}: no run of this page`);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await this.answering.ask(question, gone.signal, (stage) => this.tell('stage', stage));
    send(response, 200, JSON.stringify(answer), 'application/json');
  }
}

/**
 * Another site's page may neither ask here nor have its name lead here (DNS rebinding).
 * @throws {Refusal} where it is not our own page, or a person, that asks.
 */
function checkOrigin({ headers }: IncomingMessage): void {
  const { host = '', origin } = headers;
  const name = host.replace(/:\d+$/, '');
  if (!OWN_NAMES.includes(name)) throw new Refusal(403, `${cut(host)} is not what this server is called`);
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new Refusal(403, `${cut(origin)}: pages of other origins may not ask here`);
  }
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !['same-origin', 'none'].includes(String(site))) {
    throw new Refusal(403, 'pages of other sites may not ask here');
  }
}

/** Whether two texts are the same, in a time that does not tell where they differ. */
function same(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(x!, y!);
}

/** @throws {Refusal} for another method. */
function allow({ method = '' }: IncomingMessage, ...methods: string[]): void {
  if (methods.includes(method)) return;
  throw new Refusal(405, `${cut(method)} is not for this address, which is only to look at`, {
    Allow: methods.join(', '),
  });
}

/** @throws {Refusal} for a body that is too long or no JSON. */
async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const type = incoming.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new Refusal(415, 'a question is application/json');
  const tooLong = new Refusal(413, `a question has ${LONGEST_BODY} bytes at most`);
  if (Number(incoming.headers['content-length'] ?? 0) > LONGEST_BODY) throw tooLong;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_BODY) throw tooLong;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new Refusal(400, 'the question is no JSON in UTF-8');
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': `${type}; charset=utf-8`, ...headers });
  response.end(body);
}
