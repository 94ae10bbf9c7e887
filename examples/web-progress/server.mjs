// A small server that runs a job on a disk image and shows its progress, live, in every browser that looks.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { forwardEvents, GUESTFS_EVENT, Guestfs } from 'guestfs';
import { WebSocketServer } from 'ws';
import { runJob } from './job.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { PROGRESS, ENTER, WARNING, SUBPROCESS_QUIT, CLOSE } = GUESTFS_EVENT;
const SHOWN = PROGRESS | ENTER | WARNING | SUBPROCESS_QUIT | CLOSE;

/** Serves the page on loopback and resolves with its address and a function that ends everything. */
export async function startServer({ port = 0, mebibytes = 256 } = {}) {
  const page = await readFile(here('index.html'));
  const bundle = await build({ entryPoints: [here('client.mjs')], bundle: true, format: 'esm', write: false });
  const script = bundle.outputFiles[0].contents;

  const server = createServer((request, response) => {
    if (request.url === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
    else if (request.url === '/client.js') response.setHeader('content-type', 'text/javascript').end(script);
    else response.writeHead(404).end();
  });

  // Each page that connects gets a job of its own; closing the page gives the job up.
  const jobs = new Set();
  const sockets = new WebSocketServer({ server, path: '/events' });
  sockets.on('connection', (socket) => {
    const g = new Guestfs();
    const gone = new AbortController();
    socket.on('close', () => gone.abort(new Error('the page was closed')));
    const forwarding = forwardEvents(g, socket, { mask: SHOWN });
    const job = runJob(g, mebibytes, gone.signal)
      .catch((error) => {
        if (!gone.signal.aborted) console.error(error);
      })
      .finally(() => g.close())
      .then(() => forwarding.finished)
      .finally(() => {
        jobs.delete(job);
        socket.close();
      });
    jobs.add(job);
  });

  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await Promise.all(jobs);
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startServer({ port: Number(process.env.PORT ?? 8080) });
  console.log(`Open ${url}`);
}
