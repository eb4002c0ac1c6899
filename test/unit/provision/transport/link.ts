import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A network between us and a server: slow, far, dead or cut, as told. */
export class Link implements AsyncDisposable {
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** One way. */
  delayMs = 0;
  /** Takes bytes and delivers none, in both directions. */
  isDead = false;
  port = 0;
  bytesSent = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Link> {
    const server = createServer();
    const link = new Link(server);
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        socket.setNoDelay(true);
        link.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          link.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      link.#carry(near, far, (bytes) => {
        link.bytesSent += bytes;
      });
      link.#carry(far, near, () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    link.port = (server.address() as AddressInfo).port;
    return link;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #carry(from: Socket, to: Socket, count: (bytes: number) => void): void {
    let freeAtMs = 0;
    from.on('data', (chunk) => {
      if (this.isDead) return;
      count(chunk.length);
      const nowMs = performance.now();
      freeAtMs = Math.max(nowMs, freeAtMs) + (chunk.length / this.bytesPerSecond) * 1000;
      const waitMs = freeAtMs - nowMs + this.delayMs;
      if (waitMs < 1) {
        to.write(chunk);
        return;
      }
      // No more is taken than the link has room for.
      if (freeAtMs - nowMs > 50) {
        from.pause();
        setTimeout(() => from.resume(), freeAtMs - nowMs);
      }
      setTimeout(() => to.writable && to.write(chunk), waitMs);
    });
    from.on('end', () => setTimeout(() => to.end(), this.delayMs));
  }
}
