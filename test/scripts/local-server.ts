// An HTTP server on this machine, a new one for each test, that answers what the test tells it to.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface LocalServer {
  /** Its address, without a slash at the end. */
  base: string;
  /** All that were asked of it in this test. */
  requests: IncomingMessage[];
  answer: Answer;
}

/** A server while each test of the caller's file or block runs. */
export function useLocalServer(): LocalServer {
  const local: LocalServer = { base: '', requests: [], answer: (_, response) => response.writeHead(404).end() };
  let server: Server;
  beforeEach(async () => {
    local.requests = [];
    server = createServer((request, response) => {
      local.requests.push(request);
      local.answer(request, response);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    local.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return local;
}
