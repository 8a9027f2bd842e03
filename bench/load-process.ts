import autocannon from 'autocannon';
import type { Load } from './load.ts';

/** Milliseconds at the start whose latencies are the load's own: it opens connections and builds requests. */
const settlingMs = 1000;

/** Sends one load and reports; run by `sendLoad`. */
async function send(load: Load): Promise<void> {
  const { url, method, body, tenants, seconds, amount, connections, rate } = load;
  let client = 0;
  const json = { 'content-type': 'application/json' };
  const requests = tenants.map((tenant) => ({
    method,
    headers: { 'x-client': tenant, ...(body && json) },
    ...(body && { body }),
  }));
  const latencies: number[] = [];
  const settled = performance.now() + settlingMs;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options: autocannon.Options = {
      url,
      method,
      ...(body && { body, headers: json }),
      connections,
      duration: seconds,
      ...(amount && { amount }),
      ...(rate && { overallRate: rate }),
      ...(requests.length > 0 && {
        setupClient: (each) => {
          // Each its own part: to build every tenant's request for every connection would take the load's first second.
          const [from, to] = [client++, client].map((at) => Math.floor((at * requests.length) / connections));
          each.setRequests(from === to ? requests : requests.slice(from, to));
        },
      }),
    };
    autocannon(options, (error, all) => {
      if (error) reject(error);
      else resolve(all);
    }).on('response', (_client, _status, _bytes, ms) => {
      if (performance.now() > settled) latencies.push(ms);
    });
  });
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) => latencies[Math.floor(share * latencies.length)];
  const { errors, timeouts, non2xx } = result;
  process.send?.({
    perSecond: result.requests.total / result.duration,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    requests: result.requests.total,
    failed: errors + timeouts + non2xx,
  });
  process.disconnect();
}

process.once('message', (load: Load) => void send(load));
