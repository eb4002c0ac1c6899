import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/**
 * A TCP hop before an API server that can be made slow or deaf. TLS passes through untouched, so the server's own
 * certificate holds as long as the hop is on an address that it names.
 */
export interface SlowProxy extends AsyncDisposable {
  /** `https://127.0.0.1:<port>` */
  readonly address: string;
  /** Each answer arrives this much later; handshakes are quick, as those of a server with too much to do are. */
  delayAnswers(byMs: number): void;
  /** Connections that are open now never carry another byte, and nobody is told. New ones work. */
  forgetConnections(): void;
  /** Ends all connections, and new ones at once until `letIn`. */
  cutOff(): void;
  letIn(): void;
  /** Connections opened so far. */
  readonly opened: number;
}

interface Hop {
  readonly client: Socket;
  readonly server: Socket;
  /** The client has sent its second flight, so what comes from the server now is an answer. */
  isAsking: boolean;
  forgotten: boolean;
  readonly waiting: { readonly chunk: Buffer; readonly timer: NodeJS.Timeout }[];
}

/** Opens a hop to `server`, an address such as `https://127.0.0.1:6443`. */
export async function openSlowProxy(server: string): Promise<SlowProxy> {
  const { hostname, port } = new URL(server);
  const hops = new Set<Hop>();
  let delayMs = 0;
  let opened = 0;
  let isCutOff = false;

  const listener = createServer({ noDelay: true }, (client) => {
    if (isCutOff) {
      client.destroy();
      return;
    }
    opened++;
    const hop: Hop = {
      client,
      server: dial({ host: hostname, port: Number(port), noDelay: true }),
      isAsking: false,
      forgotten: false,
      waiting: [],
    };
    hops.add(hop);
    let flights = 0;
    client.on('data', (chunk) => {
      flights++;
      if (flights > 1) hop.isAsking = true;
      if (!hop.forgotten) hop.server.write(chunk);
    });
    hop.server.on('data', (chunk) => deliver(hop, chunk));
    const end = () => {
      hops.delete(hop);
      for (const { timer } of hop.waiting) clearTimeout(timer);
      client.destroy();
      hop.server.destroy();
    };
    client.on('close', end).on('error', end);
    // Whoever is cut off without a word does not hear that the other side has ended, either.
    const serverEnded = () => {
      if (!hop.forgotten) end();
    };
    hop.server.on('close', serverEnded).on('error', serverEnded);
  });

  function deliver(hop: Hop, chunk: Buffer): void {
    if (hop.forgotten) return;
    if (!hop.isAsking || (delayMs === 0 && hop.waiting.length === 0)) {
      hop.client.write(chunk);
      return;
    }
    const timer = setTimeout(() => {
      hop.waiting.shift();
      if (!hop.forgotten) hop.client.write(chunk);
    }, delayMs);
    hop.waiting.push({ chunk, timer });
  }

  function endAll(): void {
    for (const { client, server: upstream } of hops) {
      client.destroy();
      upstream.destroy();
    }
  }

  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    address: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get opened() {
      return opened;
    },
    delayAnswers: (byMs) => {
      delayMs = byMs;
      if (byMs > 0) return;
      for (const hop of hops) {
        for (const { chunk, timer } of hop.waiting.splice(0)) {
          clearTimeout(timer);
          if (!hop.forgotten) hop.client.write(chunk);
        }
      }
    },
    forgetConnections: () => {
      for (const hop of hops) hop.forgotten = true;
    },
    cutOff: () => {
      isCutOff = true;
      endAll();
    },
    letIn: () => {
      isCutOff = false;
    },
    [Symbol.asyncDispose]: async () => {
      endAll();
      listener.close();
      await once(listener, 'close');
    },
  };
}
