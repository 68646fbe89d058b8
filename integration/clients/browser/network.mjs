// The requests of a page as the network layer of Chromium saw them. Playwright's
// own events leave preflights out, so these are of the DevTools protocol.
export class Network {
  #seen = new Map();

  // watch follows a page, or a frame of it that has a process of its own.
  async watch(context, target) {
    const session = await context.newCDPSession(target).catch((err) => {
      if (/separate CDP session/.test(err)) return null; // its page is watched
      throw err;
    });
    if (!session) return;
    const entry = (id) => {
      if (!this.#seen.has(id)) this.#seen.set(id, {});
      return this.#seen.get(id);
    };
    session.on('Network.requestWillBeSent', ({ requestId, request, initiator, redirectResponse }) => {
      if (redirectResponse) { // the same id goes on to the next address
        this.#seen.set(`${requestId} ${this.#seen.size}`, { ...entry(requestId), status: redirectResponse.status });
        this.#seen.delete(requestId);
      }
      Object.assign(entry(requestId), { method: request.method, url: request.url, preflight: initiator.type === 'preflight' });
    });
    session.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => {
      const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      Object.assign(entry(requestId), {
        origin: sent.origin,
        asks: [sent['access-control-request-method'], sent['access-control-request-headers']].filter(Boolean).join(' '),
      });
    });
    session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
      entry(requestId).status = statusCode;
    });
    session.on('Network.loadingFinished', ({ requestId }) => { entry(requestId).over = true; });
    session.on('Network.loadingFailed', ({ requestId, corsErrorStatus }) => {
      Object.assign(entry(requestId), { over: true, cors_error: corsErrorStatus?.corsError });
    });
    await session.send('Network.enable');
  }

  // settled reports whether each request has its answer or its end. What the
  // browser tells of them can come after what the page makes of them.
  settled() { return [...this.#seen.values()].every(({ url, status, over }) => !url || status || over); }

  // requests returns {method, url, preflight, origin, asks, status, cors_error}
  // each: the Origin sent; the method and the headers that a preflight asks for;
  // the status, if an answer came, which the page need not have got to see; and
  // the browser's reason to keep it from the page. A request comes before or after
  // its preflight.
  requests() { return [...this.#seen.values()].filter((request) => request.url); }
}
