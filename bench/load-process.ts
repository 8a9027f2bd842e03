import autocannon from 'autocannon';
import type { Load } from './load.ts';

/** Sends one load and reports; run by `sendLoad`. */
async function send(load: Load): Promise<void> {
  const { url, method, body, tenants, seconds, connections, rate } = load;
  let client = 0;
  const json = { 'content-type': 'application/json' };
  const requests = tenants.map((tenant) => ({
    method,
    headers: { 'x-client': tenant, ...(body && json) },
    ...(body && { body }),
  }));
  const result = await autocannon({
    url,
    method,
    ...(body && { body, headers: json }),
    connections,
    duration: seconds,
    ...(rate && { overallRate: rate }),
    ...(requests.length > 0 && {
      setupClient: (each) => {
        const start = Math.floor((client++ * requests.length) / connections);
        each.setRequests([...requests.slice(start), ...requests.slice(0, start)]);
      },
    }),
  });
  const { latency, errors, timeouts, non2xx } = result;
  process.send?.({
    perSecond: result.requests.total / result.duration,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    requests: result.requests.total,
    failed: errors + timeouts + non2xx,
  });
  process.disconnect();
}

process.once('message', (load: Load) => void send(load));
